/* standin_program.c - the stand-in gateway alone, for tests from outside.
 *
 *     standin_program [--listen PORT] [--ledger FILE] [--delay-ms N] [--behave NAME[:PERCENT][,...]] [--key KEY]
 *
 * Prints "listening on http://127.0.0.1:PORT" when it does; runs until it is told to end. */
#include "standin/standin.h"
#include "base/trouble.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    standin_close(signal->data);
    uv_close((uv_handle_t *)signal, NULL);
}

static int usage(const char *word)
{
    fprintf(stderr, "standin_program: what is %s?\n", word);
    return 2;
}

int main(int argc, char **argv)
{
    struct standin_opts opts = { .address = "127.0.0.1" };
    for (int i = 1; i < argc; i += 2) {
        const char *value = argv[i + 1];
        if (!value)
            return usage(argv[i]);
        if (strcmp(argv[i], "--listen") == 0)
            opts.port = (uint16_t)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--ledger") == 0)
            opts.ledger = value;
        else if (strcmp(argv[i], "--delay-ms") == 0)
            opts.delay_ms = (uint32_t)strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--behave") == 0)
            opts.behave = value;
        else if (strcmp(argv[i], "--key") == 0)
            opts.key = value;
        else
            return usage(argv[i]);
    }
    uv_loop_t loop;
    uv_signal_t term;
    struct standin *standin;
    (void)signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    if (standin_open(&loop, &opts, &standin) < 0) {
        fprintf(stderr, "standin_program: %s\n", trouble_text());
        return 1;
    }
    uv_signal_init(&loop, &term);
    term.data = standin;
    uv_signal_start(&term, on_signal, SIGTERM);
    printf("listening on http://127.0.0.1:%u\n", standin_port(standin));
    fflush(stdout);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 1;
}
