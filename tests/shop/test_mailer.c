/* test_mailer.c - leases, marks, limits and pauses, with receipts that go into a folder or to a program. */
#include "harness.h"
#include "mail_place.h"

#include "base/clock.h"
#include "base/trouble.h"
#include "mail/pace.h"
#include "mail/receipt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t in_flight(const struct place *place)
{
    struct mailer_stats stats;
    mailer_stats(place->mailer, &stats);
    return stats.in_flight;
}

/* ---- a folder ------------------------------------------------------------------------------------------------------------ */

START_TEST(receipts_become_files_and_are_marked_sent)
{
    struct place place;
    place_open(&place);
    place_start(&place);
    for (int i = 0; i < 200; i++)
        place_add(&place, "ann@example.com");
    double_wait_count(place.store, RECEIPT_SENT, 200);
    ck_assert_uint_eq(place_files(&place, ".eml"), 200);
    ck_assert_uint_eq(place_files(&place, ".part"), 0);
    ck_assert_uint_eq(double_get(place.store, 1).handed, 0);
    place_close(&place);
}
END_TEST

START_TEST(a_receipt_delivered_again_is_the_same_file)
{
    struct place place;
    struct stat file;
    char name[200], beside[200];
    place_open(&place);
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait(place.store, id, RECEIPT_SENT);
    snprintf(name, sizeof name, "%s/%s@example.org.eml", place.mail, double_get(place.store, id).id);
    ck_assert_int_eq(stat(name, &file), 0);
    ck_assert_uint_eq(file.st_mode & 0777, 0600);
    off_t size = file.st_size;
    snprintf(beside, sizeof beside, "%s/.%s@example.org.part", place.mail, double_get(place.store, id).id);
    FILE *left = fopen(beside, "we");       /* as a kill may leave it */
    fprintf(left, "%20000d", 1);
    fclose(left);
    double_make_due(place.store, id);       /* nobody wakes the mailer: it looks by itself */
    double_wait(place.store, id, RECEIPT_SENT);
    ck_assert_int_eq(double_get(place.store, id).attempt, 2);
    ck_assert_uint_eq(place_files(&place, ".eml"), 1);
    ck_assert_int_eq(stat(name, &file), 0);
    ck_assert_int_eq(file.st_size, size);
    place_close(&place);
}
END_TEST

/* ---- marks --------------------------------------------------------------------------------------------------------------- */

START_TEST(a_mark_that_does_not_hold_ends_the_job)
{
    struct place place;
    struct mailer_stats stats;
    place_open(&place);
    double_hold(place.store, RECEIPT_SENT);
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_held(place.store, 1);
    double_steal(place.store, id);
    double_hold(place.store, RECEIPT_NONE);
    int64_t other = place_add(&place, "bob@example.com");
    double_wait(place.store, other, RECEIPT_SENT);
    while (in_flight(&place) > 0)
        sched_yield();
    mailer_stats(place.mailer, &stats);
    ck_assert_uint_eq(stats.sent, 1);
    ck_assert_int_eq(double_get(place.store, id).attempt, 2);
    place_close(&place);
}
END_TEST

START_TEST(a_mark_that_could_not_be_written_is_repeated_and_the_mail_is_not)
{
    struct place place;
    place_open(&place);
    double_fail(place.store, STORE_MARK, RECEIPT_SENT, -ENOSPC, 2);
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait(place.store, id, RECEIPT_SENT);
    ck_assert_int_eq(double_get(place.store, id).attempt, 1);
    place_close(&place);
}
END_TEST

START_TEST(a_lease_that_failed_is_asked_for_again)
{
    struct place place;
    place_open(&place);
    double_fail(place.store, STORE_LEASE, 0, -EBUSY, 1);
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait(place.store, id, RECEIPT_SENT);
    place_close(&place);
}
END_TEST

START_TEST(when_the_store_has_failed_nothing_more_is_begun)
{
    struct place place;
    place_open(&place);
    double_fail(place.store, STORE_MARK, RECEIPT_SENT, -EIO, 1);
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    while (!store_failed(place.store) || in_flight(&place) > 0)
        sched_yield();
    int64_t other = place_add(&place, "bob@example.com");
    place_stop(&place, 5000);
    ck_assert_int_eq(double_get(place.store, id).state, RECEIPT_LEASED);
    ck_assert_int_eq(double_get(place.store, other).state, RECEIPT_READY);
    ck_assert_uint_eq(place_files(&place, ".eml"), 1);
    place_close(&place);
}
END_TEST

/* ---- renderers ----------------------------------------------------------------------------------------------------------- */

static int render_or_crash(void *record)
{
    struct receipt *receipt = record;
    if (strcmp(receipt->email, "crash@example.com") == 0)
        abort();
    if (strcmp(receipt->email, "exit@example.com") == 0)
        _exit(3);
    return receipt_render(record);
}

START_TEST(a_receipt_that_crashes_its_renderer_harms_no_other)
{
    struct place place;
    place_open(&place);
    place.opts.render = render_or_crash;
    int64_t hostile = place_add(&place, "crash@example.com"), leaver = place_add(&place, "exit@example.com");
    for (int i = 0; i < 20; i++)
        place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_count(place.store, RECEIPT_SENT, 20);
    double_wait_count(place.store, RECEIPT_READY, 2);
    struct double_receipt is = double_get(place.store, hostile);
    ck_assert_int_eq(is.attempt, 1);
    ck_assert_msg(strstr(is.trouble, "SIGABRT"), "%s", is.trouble);
    ck_assert(is.at_ms > clock_ms() + 5000 && is.at_ms <= clock_ms() + 15000);
    ck_assert_msg(strstr(double_get(place.store, leaver).trouble, "3"), "%s", double_get(place.store, leaver).trouble);
    for (int i = 2; i <= 5; i++) {
        ck_assert_int_ne(double_get(place.store, hostile).state, RECEIPT_DEAD);
        double_make_due(place.store, hostile);
        mailer_wake(place.mailer);
        double_wait(place.store, hostile, i < 5 ? RECEIPT_READY : RECEIPT_DEAD);
        while (double_get(place.store, hostile).attempt < i)
            sched_yield();
        double_wait(place.store, hostile, i < 5 ? RECEIPT_READY : RECEIPT_DEAD);
    }
    place_close(&place);
}
END_TEST

START_TEST(an_address_that_is_none_is_dead_at_once)
{
    struct place place;
    place_open(&place);
    int64_t id = place_add(&place, "ann@example.com\r\nBcc: all@example.com");
    place_start(&place);
    double_wait(place.store, id, RECEIPT_DEAD);
    ck_assert_int_eq(double_get(place.store, id).tries, 1);
    place_close(&place);
}
END_TEST

/* ---- limits and pauses --------------------------------------------------------------------------------------------------- */

START_TEST(a_failure_is_tried_again_later_and_later_and_not_forever)
{
    static const struct { int64_t tries, age_ms, low_ms, high_ms; } rows[] = {
        { 0, 0, 7500, 15000 }, { 2, 0, 30000, 60000 }, { 20, 3600000, 1800000, 3600000 }, { 20, 86400001, 0, 0 } };
    struct place place;
    place_open(&place);
    place_start(&place);
    ck_assert_int_eq(rmdir(place.mail), 0);
    for (size_t i = 0; i < 4; i++) {
        int64_t now = clock_ms(), id = double_add(place.store, &(struct order_texts){ .email = "ann@example.com" });
        double_set(place.store, id, rows[i].tries, now - rows[i].age_ms);
        mailer_wake(place.mailer);
        double_wait(place.store, id, RECEIPT_LEASED);
        double_wait(place.store, id, rows[i].high_ms ? RECEIPT_READY : RECEIPT_DEAD);
        struct double_receipt is = double_get(place.store, id);
        ck_assert_msg(strstr(is.trouble, "No such file"), "%s", is.trouble);
        ck_assert(rows[i].high_ms == 0 || (is.at_ms >= now + rows[i].low_ms && is.at_ms <= clock_ms() + rows[i].high_ms));
    }
    place_close(&place);
}
END_TEST

START_TEST(pauses_double_up_to_an_hour_and_differ_by_chance)
{
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t pause = pace_backoff_ms(15000, 2);
        least = pause < least ? pause : least;
        most = pause > most ? pause : most;
    }
    ck_assert(least >= 15000 && least < 16000 && most <= 30000 && most > 29000);
    ck_assert_int_le(pace_backoff_ms(15000, 1000), 3600000);
    ck_assert_int_ge(pace_backoff_ms(15000, 1000), 1800000);
}
END_TEST

START_TEST(no_more_are_under_way_than_may_be)
{
    struct place place;
    place_open(&place);
    place.opts.in_flight = 3;
    double_hold(place.store, RECEIPT_SENT);
    for (int i = 0; i < 10; i++)
        place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_held(place.store, 3);
    double_wait_count(place.store, RECEIPT_LEASED, 3);
    ck_assert_uint_eq(place_files(&place, ".eml"), 3);
    double_hold(place.store, RECEIPT_NONE);
    double_wait_count(place.store, RECEIPT_SENT, 10);
    place_close(&place);
}
END_TEST

START_TEST(no_more_go_in_a_second_than_may_go)
{
    struct place place;
    place_open(&place);
    place.opts.per_second = 10;
    for (int i = 0; i < 18; i++)
        place_add(&place, "ann@example.com");
    int64_t begin = clock_ms();
    place_start(&place);
    double_wait_count(place.store, RECEIPT_SENT, 18);
    ck_assert_int_ge(clock_ms() - begin, 750);      /* ten at once, the others one each 100 ms */
    place_close(&place);
}
END_TEST

START_TEST(while_nobody_is_there_leases_pause)
{
    struct place place;
    place_open(&place);
    place.opts.in_flight = 1;
    place_start(&place);
    ck_assert_int_eq(rmdir(place.mail), 0);
    int64_t begin = clock_ms(), first = place_add(&place, "ann@example.com"), second = place_add(&place, "bob@example.com");
    while (double_get(place.store, second).trouble[0] == '\0')
        sched_yield();
    ck_assert_int_ge(clock_ms() - begin, 490);
    ck_assert_int_eq(double_get(place.store, first).attempt, 1);
    place_close(&place);
}
END_TEST

/* ---- the end ------------------------------------------------------------------------------------------------------------- */

START_TEST(what_is_under_way_at_the_end_is_finished)
{
    struct place place;
    place_open(&place);
    for (int i = 0; i < 300; i++)
        place_add(&place, "ann@example.com");
    place_start(&place);
    place_stop(&place, 20000);
    unsigned sent = place_files(&place, ".eml");
    double_wait_count(place.store, RECEIPT_SENT, sent);
    double_wait_count(place.store, RECEIPT_READY, 300 - sent);
    place_close(&place);
}
END_TEST

static int render_never(void *record)
{
    (void)record;
    pause();
    return 0;
}

START_TEST(what_cannot_be_finished_is_given_back)
{
    struct place place;
    place_open(&place);
    place.opts.render = render_never;
    for (int i = 0; i < 10; i++)
        place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait_count(place.store, RECEIPT_LEASED, 10);
    int64_t begin = clock_ms();
    place_stop(&place, 0);
    ck_assert_int_lt(clock_ms() - begin, 5000);     /* not when their time is over */
    double_wait_count(place.store, RECEIPT_READY, 10);
    ck_assert_int_le(double_get(place.store, 1).at_ms, clock_ms());
    place_close(&place);
}
END_TEST

/* ---- a program ----------------------------------------------------------------------------------------------------------- */

/* As the sendmail program: a shell script; its folder is $D. */
static void use_program(struct place *place, const char *script)
{
    static char to[120];
    snprintf(to, sizeof to, "sendmail:%s/program", place->folder);
    FILE *file = fopen(to + 9, "we");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "#!/bin/sh\nD='%s'\n%s\n", place->folder, script);
    ck_assert_int_eq(fchmod(fileno(file), 0700), 0);
    fclose(file);
    place->opts.to = to;
}

START_TEST(a_program_gets_the_whole_message_and_the_address)
{
    struct place place;
    char line[200] = "";
    place_open(&place);
    use_program(&place, "echo \"$@\" > $D/args; cat > $D/log");
    int64_t id = place_add(&place, "ann@example.com");
    place_start(&place);
    double_wait(place.store, id, RECEIPT_SENT);
    ck_assert_uint_eq(double_get(place.store, id).handed, 1);
    ck_assert_uint_eq(place_taken(&place, "x"), 0);
    char name[100];
    snprintf(name, sizeof name, "%s/args", place.folder);
    FILE *args = fopen(name, "re");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, args));
    fclose(args);
    ck_assert_str_eq(line, "-i -f shop@example.org -- ann@example.com\n");
    FILE *log = fopen(place.log, "re");
    unsigned lines = 0;
    while (fgets(line, sizeof line, log))
        lines++;
    fclose(log);
    ck_assert_uint_gt(lines, 20);
    ck_assert(strncmp(line, "--=_", 4) == 0 && strcmp(line + strlen(line) - 4, "--\r\n") == 0);
    place_close(&place);
}
END_TEST

START_TEST(what_a_program_ends_with_decides)
{
    static const struct { const char *script; bool resend; enum receipt_state state; const char *trouble; } rows[] = {
        { "exit 75", false, RECEIPT_READY, "status 75" }, { "exit 1", false, RECEIPT_READY, "status 1" },
        { "exit 67", false, RECEIPT_DEAD, "status 67" }, { "exec /no/such/program", false, RECEIPT_READY, "status 127" },
        { "kill -SEGV $$", false, RECEIPT_UNCERTAIN, "signal 11" }, { "exec sleep 1000", false, RECEIPT_UNCERTAIN, "signal 9" },
        { "sleep 1000 & sleep 1000", true, RECEIPT_READY, "signal 9" } };
    struct place place;
    place_open(&place);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        use_program(&place, rows[i].script);
        place.opts.resend = rows[i].resend;
        place.opts.timeout_ms = strstr(rows[i].script, "sleep") ? 300 : 60000;
        int64_t id = place_add(&place, "ann@example.com");
        place_start(&place);
        double_wait(place.store, id, RECEIPT_HANDED);
        double_wait(place.store, id, rows[i].state);
        place_stop(&place, 10000);
        struct double_receipt is = double_get(place.store, id);
        ck_assert_msg(strstr(is.trouble, rows[i].trouble), "%s: %s", rows[i].script, is.trouble);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ck_abort_msg("a zombie is left");
    }
    place_close(&place);
}
END_TEST

/* ---- options ------------------------------------------------------------------------------------------------------------- */

START_TEST(options_that_cannot_be_are_refused_in_words)
{
    static const struct { const char *to, *from, *starttls, *user, *names; } rows[] = {
        { "", "a@b.org", NULL, NULL, "to" }, { "smtp://", "a@b.org", NULL, NULL, "to" }, { "smtp://u:p@host", "a@b.org", NULL, NULL, "to" },
        { "smtp://host/x", "a@b.org", NULL, NULL, "to" }, { "smtp://127.0.0.1:1", "a b@b.org", NULL, NULL, "from" },
        { "smtp://127.0.0.1:1", "a@b.org\r\nX: y", NULL, NULL, "from" }, { "smtp://127.0.0.1:1", "a@b.org", "maybe", NULL, "starttls" },
        { "smtp://127.0.0.1:1", "a@b.org", NULL, "me", "user" }, { "sendmail:sendmail", "a@b.org", NULL, NULL, "to" },
        { "sendmail:/no/such/program", "a@b.org", NULL, NULL, "to" }, { "/dev/null", "a@b.org", NULL, NULL, "to" },
        { "/no/such/folder", "a@b.org", NULL, NULL, "to" } };
    struct place place;
    place_open(&place);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct mailer *mailer;
        place.opts.to = rows[i].to;
        place.opts.from = rows[i].from;
        place.opts.starttls = rows[i].starttls;
        place.opts.user = rows[i].user;
        ck_assert_msg(mailer_open(&place.opts, &mailer) < 0, "%s, %s", rows[i].to, rows[i].from);
        ck_assert_msg(strncmp(trouble_text(), rows[i].names, strlen(rows[i].names)) == 0, "%s", trouble_text());
    }
    place_close(&place);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(receipts_become_files_and_are_marked_sent);
    add_case(a_receipt_delivered_again_is_the_same_file);
    add_case(a_mark_that_does_not_hold_ends_the_job);
    add_case(a_mark_that_could_not_be_written_is_repeated_and_the_mail_is_not);
    add_case(a_lease_that_failed_is_asked_for_again);
    add_case(when_the_store_has_failed_nothing_more_is_begun);
    add_case(a_receipt_that_crashes_its_renderer_harms_no_other);
    add_case(an_address_that_is_none_is_dead_at_once);
    add_case(a_failure_is_tried_again_later_and_later_and_not_forever);
    add_case(pauses_double_up_to_an_hour_and_differ_by_chance);
    add_case(no_more_are_under_way_than_may_be);
    add_case(no_more_go_in_a_second_than_may_go);
    add_case(while_nobody_is_there_leases_pause);
    add_case(what_is_under_way_at_the_end_is_finished);
    add_case(what_cannot_be_finished_is_given_back);
    add_case(a_program_gets_the_whole_message_and_the_address);
    add_case(what_a_program_ends_with_decides);
    add_case(options_that_cannot_be_are_refused_in_words);
    return run_cases(argc, argv);
}
