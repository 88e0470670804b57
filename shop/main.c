/* main.c - the program `prong-shop`: which commands there are. */
#include "base/scratch.h"
#include "base/token.h"
#include "command/command.h"
#include "interrupt.h"
#include "program.h"
#include "say.h"

#include <prong.h>

static const struct command help_command = {
    .name = "help",
    .summary = "shows the help of a command: prong-shop help serve",
    .run = program_help,
};

static const struct command *const commands[] = { &demo_command, &serve_command, &jobs_command, &stock_command, &backup_command,
                                                  &gateway_command, &help_command, NULL };

static const char *generated_name(size_t i)
{
    static const char *const names[] = { "man-prong-shop", "man-demo", "man-serve", "man-jobs", "man-stock", "man-backup", "man-gateway",
                                         "bash", "zsh", "fish" };
    return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

static const struct option options[] = {
    { .name = "--version", .kind = OPTION_FLAG, .at = offsetof(struct program_request, version), .help = "which prong-shop this is" },
    { .name = "--generate", .value = "WHAT", .kind = OPTION_CHOICE, .at = offsetof(struct program_request, generate),
      .names = generated_name,
      .help = "for packagers: prints a manual page or the completions of a shell" },
    { 0 }
};

static const struct explained exits[] = {
    { "0", "all is well" },
    { "1", "something of what was asked for cannot be done" },
    { "2", "wrong usage, or wrong settings" },
    { "3", "this machine lacks something: a file cannot be read or written, a port is taken, the disk failed" },
    { "4", "the database is damaged, or no database of a shop" },
    { "130", "interrupted by Ctrl-C; 143 by SIGTERM, 129 by SIGHUP; but `serve`, `gateway` and `demo` end so with 0" },
    { 0 }
};

static const struct explained environment[] = {
    { "PRONG_SHOP_...", "settings of `prong-shop serve`: see there" },
    { "PRONG_SHOP_FAIL_AT", "for tests alone: the server is killed at a named point" },
    { 0 }
};

static const struct explained examples[] = {
    { "prong-shop demo", "all of it, with a gateway that charges nobody" },
    { "prong-shop serve --config /etc/prong-shop.conf", "for real" },
    { "prong-shop jobs --db shop.db", "what waits, and why" },
    { "prong-shop backup --db shop.db --to copy.db", "while it runs" },
    { 0 }
};

static const struct section sections[] = {
    { .heading = "PROMISES",
      .text = "Whatever happens to the machine or the program, SIGKILL at any instant: an order that was answered is on disk; no card is "
              "charged without an order; none is charged twice, as long as the gateway honours its idempotency keys; a paid order has its "
              "receipt, sent at least once, or listed by `prong-shop jobs` as uncertain or dead." },
    { .heading = "FILES",
      .text = "`/etc/prong-shop.conf`: what the systemd unit reads. The installed example has every setting with its default.\n\n"
              "The database, with -wal and -shm beside it: copy it by `prong-shop backup` alone." },
    { 0 }
};

static const struct command program = {
    .name = "prong-shop",
    .summary = "a shop that loses no order and charges nobody twice",
    .about = "A T-shirt shop: an order charges the card, is logged to the database and answered at once; the receipt is e-mailed in the "
             "background. Start with `prong-shop demo`; `prong-shop COMMAND --help` tells more.",
    .options = options,
    .sections = sections,
    .exits = exits,
    .environment = environment,
    .examples = examples,
    .commands = commands,
};

int main(int argc, char *argv[])
{
    interrupt_catch();
    /* Before anything else: the processes that write receipts come from here. Should it fail, opening their pool says why. */
    (void)prong_init();
    (void)token_init();         /* `serve` asks again, and tells */
    scratch_init();
    return program_main(&program, argc, argv);
}
