/* gateway.c - `prong-shop gateway`: the stand-in on a loop of its own until it is told to end. */
#include "command/command.h"
#include "command/signals.h"

#include "base/log.h"
#include "base/trouble.h"
#include "say.h"
#include "serve/address.h"
#include "settings/keyfile.h"
#include "standin/standin.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct request {
    const char *listen, *ledger, *key_file, *behave;
    uint32_t delay_ms;
};

#define AT(member) offsetof(struct request, member)
static const struct option options[] = {
    { .name = "--listen", .value = "ADDRESS:PORT", .kind = OPTION_TEXT, .at = AT(listen),
      .help = "where to answer (default: 127.0.0.1:12111); port 0 is any free one" },
    { .name = "--ledger", .value = "FILE", .kind = OPTION_FILE, .at = AT(ledger),
      .help = "a line of JSON for each charge, written before it is answered; what is in it already counts (default: in memory alone)" },
    { .name = "--key-file", .value = "FILE", .kind = OPTION_FILE, .at = AT(key_file),
      .help = "holds the key that is asked for, mode 0600 (default: any that begins with sk_)" },
    { .name = "--delay-ms", .value = "N", .kind = OPTION_COUNT, .zero = true, .most = 3600000, .at = AT(delay_ms),
      .help = "before each answer (default: 0)" },
    { .name = "--behave", .value = "NAME[:PERCENT],...", .kind = OPTION_TEXT, .at = AT(behave),
      .help = "what goes wrong, for so many of the charges (default: nothing)" },
    { 0 }
};
#undef AT

static const char *behaviour(size_t i, const char **ret_form, const char **ret_help)
{
    static const struct explained list[] = {
        { "decline", "the card is declined" },
        { "slow", "paid after three seconds" },
        { "drop", "the connection is closed before the card is charged" },
        { "charge_drop", "charged, and the connection closed without an answer" },
        { "hang", "no answer, not charged" },
        { "charge_hang", "charged, and no answer" },
        { "500", "answered by an error of the server, not charged" },
        { "charge_500", "the same, charged" },
        { "429", "too many requests, not charged" },
        { "garbage", "answered by what is no JSON, not charged" },
        { "charge_garbage", "the same, charged" },
        { "half", "charged, and half of the answer" },
        { "in_progress", "409: another request with this key is still under way" },
    };
    if (i >= sizeof list / sizeof list[0])
        return NULL;
    *ret_form = list[i].what;
    *ret_help = list[i].how;
    return list[i].what;
}

static const struct section sections[] = {
    { .heading = "PAYMENT METHODS",
      .text = "`pm_card_visa` is paid, `pm_card_chargeDeclined` declined, `pm_slow` paid after three seconds; `pm_behave_NAME` has one of "
              "the behaviours below for this charge alone." },
    { .heading = "BEHAVIOURS",
      .text = "For --behave, for payment methods `pm_behave_NAME`, and at run time: POST /stand-in/behave with the form fields `behave` "
              "and `delay_ms`.", .list = behaviour },
    { 0 }
};

/* ---- running ------------------------------------------------------------------------------------------------------------- */

struct running {
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct standin *standin;
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct running *running = handle->data;
    (void)number;
    standin_close(running->standin);
    for (size_t i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&running->signals[i], NULL);
}

static void watch(struct running *running)
{
    static const int numbers[] = { SIGTERM, SIGINT };
    for (size_t i = 0; i < 2; i++) {
        (void)uv_signal_init(&running->loop, &running->signals[i]);
        running->signals[i].data = running;
        (void)uv_signal_start(&running->signals[i], on_signal, numbers[i]);
    }
}

static int run_standin(const struct request *request, const struct standin_opts *opts)
{
    struct running running = { 0 };
    if (uv_loop_init(&running.loop) < 0)
        return say_error(SAY_MISSING, "no loop to run on");
    signals_end();
    (void)signal(SIGPIPE, SIG_IGN);
    int status = SAY_OK, r = standin_open(&running.loop, opts, &running.standin);
    if (r < 0)
        status = say_error(r == -EINVAL ? SAY_USAGE : SAY_MISSING, "%s", trouble_text());
    else {
        watch(&running);
        int size = (int)(strrchr(request->listen, ':') - request->listen);
        printf("listening on http://%.*s:%u\n", size, request->listen, standin_port(running.standin));
        (void)fflush(stdout);
    }
    (void)uv_run(&running.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&running.loop);
    return status;
}

static int run_request(const struct request *request)
{
    char address[ADDRESS_SIZE], *key = NULL;
    struct standin_opts opts = { .address = address, .ledger = request->ledger, .behave = request->behave, .delay_ms = request->delay_ms };
    if (address_read(request->listen, address, &opts.port) < 0) {
        (void)say_error(SAY_USAGE, "--listen: '%s' is no address with a port", request->listen);
        say_hint("as in 127.0.0.1:12111");
        return SAY_USAGE;
    }
    int status = request->key_file ? keyfile_read("--key-file", request->key_file, &key) : SAY_OK;
    opts.key = key;
    if (status == SAY_OK)
        status = run_standin(request, &opts);
    keyfile_free(key);
    return status;
}

static int run_command(int argc, char *const argv[])
{
    struct request request = { .listen = "127.0.0.1:12111" };
    int status = options_read(&gateway_command, &request, argc, argv);
    if (status == OPTIONS_SHOWN)
        return SAY_OK;
    return status == SAY_OK ? run_request(&request) : status;
}

static const struct explained exits[] = {
    { "0", "asked to end by SIGTERM or Ctrl-C" },
    { "2", "wrong usage" },
    { "3", "the port is taken, or a file cannot be read or written" },
    { 0 }
};

static const struct explained examples[] = {
    { "prong-shop gateway --ledger ledger.jsonl", "charges nobody" },
    { "prong-shop gateway --delay-ms 300 --behave charge_drop:10,500:5", "on a bad day" },
    { 0 }
};

const struct command gateway_command = {
    .name = "gateway",
    .summary = "a payment gateway for trials and tests: charges nobody",
    .about = "Speaks the protocol of Stripe's payment intents over HTTP, remembers idempotency keys, keeps a ledger, and does wrong what "
             "it is told to. Prints the line `listening on http://ADDRESS:PORT` once it answers.",
    .options = options,
    .sections = sections,
    .exits = exits,
    .examples = examples,
    .run = run_command,
};
