/* command.c - `prong records gen`. */
#include "records/gen/command.h"

#include "records/gen/gen.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_USUAL = 2000000, SEED_USUAL = 1 };

struct request {
    uint32_t rows, seed;
};

static const struct option options[] = {
    { .name = "--rows", .value = "N", .kind = OPTION_COUNT, .most = UINT32_MAX, .at = offsetof(struct request, rows),
      .help = "how many (default: 2000000, about 180 MB)" },
    { .name = "--seed", .value = "S", .kind = OPTION_COUNT, .most = UINT32_MAX, .at = offsetof(struct request, seed),
      .help = "another seed, other rows (default: 1); the same seed gives the same bytes on every machine" },
    { 0 }
};

static const struct explained exits[] = {
    { "0", "all rows are written" },
    { "2", "wrong usage" },
    { "3", "they cannot be written" },
    { "130", "interrupted by Ctrl-C; 143 by SIGTERM, 129 by SIGHUP" },
    { 0 }
};

static const struct explained examples[] = {
    { "prong records gen --rows 2000000 --seed 1 > orders.csv", "a file to try things on" },
    { "prong records gen | prong records -g country -", "without a file" },
    { 0 }
};

static int run_command(int argc, char *const argv[])
{
    struct request request = { ROWS_USUAL, SEED_USUAL };
    int status = options_read(&gen_command, &request, argc, argv);
    if (status != SAY_OK)
        return status == OPTIONS_SHOWN ? SAY_OK : status;
    int r = gen_write(request.seed, request.rows, STDOUT_FILENO);
    if (r == -EINTR)
        return SAY_INTERRUPTED;
    if (r == -EPIPE)
        return SAY_READER_GONE;
    return r < 0 ? say_error(SAY_MISSING, "cannot write the rows to standard output: %s", strerror(-r)) : SAY_OK;
}

const struct command gen_command = {
    .name = "records gen",
    .summary = "writes orders of a T-shirt shop as CSV, for trials and benchmarks",
    .about = "Writes CSV to standard output: order_id, timestamp, country, size, colour, quantity, unit_price, discount, customer_id, email, note. "
             "Some notes are quoted, with commas, line ends, quotes and lines that look like rows; some cells are empty.",
    .options = options,
    .exits = exits,
    .examples = examples,
    .run = run_command,
};
