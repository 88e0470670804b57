/* mail_driver.c - the mailer and a store in memory, for test_mail.py and for measuring.
 *
 *   mail_driver TO [--copies N] [--in-flight N] [--backoff-ms N]
 *
 * Receipts come on standard input: address, name and note, each ended by the byte 1f, and a receipt by 1e. Prints a line for each
 * when all have come to rest, "STATE ID", and "SECONDS PEAK-KIB". */
#include "store_double.h"

#include "base/clock.h"
#include "base/fail.h"
#include "base/trouble.h"
#include "harness.h"
#include "mail/mailer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static unsigned add_all(struct store *store, unsigned copies)
{
    char *text = NULL;
    size_t room = 0;
    unsigned n = 0;
    while (getdelim(&text, &room, 0x1e, stdin) > 0) {
        char *rest = text, *email = strsep(&rest, "\x1f"), *name = strsep(&rest, "\x1f"), *note = strsep(&rest, "\x1f");
        for (unsigned i = 0; note && i < copies; i++, n++)
            (void)double_add(store, &(struct order_texts){ .email = email, .name = name, .note = note });
    }
    free(text);
    return n;
}

static unsigned option(int argc, char **argv, const char *name, unsigned usual)
{
    for (int i = 2; i + 1 < argc; i += 2)
        if (strcmp(argv[i], name) == 0)
            return (unsigned)strtoul(argv[i + 1], NULL, 10);
    return usual;
}

int main(int argc, char **argv)
{
    struct mailer *mailer;
    struct rusage usage;
    if (argc < 2)
        return fprintf(stderr, "mail_driver: where to?\n"), 2;
    fail_init();
    struct mailer_opts opts = { .to = argv[1], .from = "shop@example.org", .shop_name = "T\xc3\xa9\xc3\xa9-shop",
                                .public_url = "http://127.0.0.1:8080", .in_flight = option(argc, argv, "--in-flight", 0),
                                .backoff_ms = option(argc, argv, "--backoff-ms", 0) };
    if (prong_init() < 0 || token_init() < 0 || prong_pool_open(&(prong_pool_opts){ .engine = "processes:2" }, &opts.pool) < 0)
        return fprintf(stderr, "mail_driver: %s\n", prong_last_error()), 1;
    opts.store = double_open();
    unsigned n = add_all(opts.store, option(argc, argv, "--copies", 1));
    int64_t begin = clock_ms();
    if (mailer_open(&opts, &mailer) < 0)
        return fprintf(stderr, "mail_driver: %s\n", trouble_text()), 1;
    double_wait_rest(opts.store);
    double seconds = (double)(clock_ms() - begin) / 1000;
    mailer_close(mailer, prong_in_ms(10000));
    for (unsigned i = 1; i <= n; i++) {
        struct double_receipt is = double_get(opts.store, i);
        printf("%s %s\n", receipt_state_name(is.state), is.id);
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%.3f %ld\n", seconds, usage.ru_maxrss);
    double_close(opts.store);
    return prong_pool_close(opts.pool, prong_in_ms(10000)) == 0 ? 0 : 1;
}
