/* base/: clocks, arithmetic, lists, names and processes. */
#include "harness.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/list.h"
#include "base/process.h"
#include "proc.h"
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(moments_saturate)
{
    ck_assert_int_eq(pn_after_ms(5, 0), 5);
    ck_assert_int_eq(pn_after_ms(5, 2), 2000005);
    ck_assert_int_eq(pn_after_ms(5, UINT64_MAX), INT64_MAX);
    ck_assert_int_eq(pn_after_ms(5, INT64_MAX), INT64_MAX);
    ck_assert_int_eq(pn_after_ms(0, INT64_MAX / 1000000), INT64_MAX / 1000000 * 1000000);
    ck_assert_int_eq(pn_after_ms(INT64_MAX - 5, 1), INT64_MAX);
}
END_TEST

START_TEST(never_is_later_than_any_moment)
{
    ck_assert_int_eq(pn_earlier(PRONG_NEVER, PRONG_NEVER), PRONG_NEVER);
    ck_assert_int_eq(pn_earlier(PRONG_NEVER, 5), 5);
    ck_assert_int_eq(pn_earlier(5, PRONG_NEVER), 5);
    ck_assert_int_eq(pn_earlier(5, 6), 5);
    ck_assert_int_eq(pn_earlier(6, 5), 5);
    ck_assert(!pn_passed(PRONG_NEVER));
    ck_assert(pn_passed(PRONG_NOW));
    ck_assert(!pn_passed(INT64_MAX));
}
END_TEST

START_TEST(a_poll_is_never_too_short)
{
    ck_assert_int_eq(pn_poll_ms(PRONG_NEVER), -1);
    ck_assert_int_eq(pn_poll_ms(PRONG_NOW), 0);
    ck_assert_int_eq(pn_poll_ms(INT64_MAX), INT_MAX);
    for (int k = 0; k < 1000; k++) {
        prong_time deadline = pn_now() + 5000000 + k * 997;
        int ms = pn_poll_ms(deadline);
        ck_assert_int_gt(ms, -1);
        if (pn_now() + (prong_time)ms * 1000000 < deadline)
            ck_abort_msg("%d ms end before the deadline", ms);
    }
}
END_TEST

START_TEST(sizes_do_not_wrap)
{
    size_t r;
    ck_assert(pn_add_size(1, 2, &r) && r == 3);
    ck_assert(!pn_add_size(SIZE_MAX, 1, &r));
    ck_assert(pn_mul_size(3, 5, &r) && r == 15);
    ck_assert(!pn_mul_size(SIZE_MAX / 2, 3, &r));
    ck_assert(pn_round_up(0, 64, &r) && r == 0);
    ck_assert(pn_round_up(1, 64, &r) && r == 64);
    ck_assert(pn_round_up(64, 64, &r) && r == 64);
    ck_assert(pn_round_up(SIZE_MAX - 63, 64, &r) && r == SIZE_MAX - 63);
    ck_assert(!pn_round_up(SIZE_MAX - 62, 64, &r));
}
END_TEST

struct item { int number; struct pn_list link; };

static int sum_in_order(struct pn_list *head)
{
    int sum = 0;
    PN_LIST_EACH(it, head)
        sum = sum * 10 + PN_OF(it, struct item, link)->number;
    return sum;
}

START_TEST(a_list_keeps_its_order)
{
    struct pn_list head;
    struct item a = { .number = 1 }, b = { .number = 2 }, c = { .number = 3 };
    pn_list_init(&head);
    ck_assert(pn_list_empty(&head));
    pn_list_push_back(&head, &b.link);
    pn_list_push_back(&head, &c.link);
    pn_list_push_front(&head, &a.link);
    ck_assert_int_eq(sum_in_order(&head), 123);
    pn_list_remove(&b.link);
    pn_list_remove(&b.link);                       /* twice is harmless */
    ck_assert_int_eq(sum_in_order(&head), 13);
    pn_list_insert_before(&a.link, &b.link);
    ck_assert_int_eq(sum_in_order(&head), 213);
    pn_list_remove(&a.link);
    pn_list_remove(&b.link);
    pn_list_remove(&c.link);
    ck_assert(pn_list_empty(&head));
}
END_TEST

START_TEST(signals_and_ends_have_words)
{
    prong_error end = { .tag = 5, .pid = 6, .address = 7 };
    ck_assert_str_eq(pn_signal_name(SIGSEGV), "SIGSEGV");
    ck_assert_str_eq(pn_signal_name(SIGKILL), "SIGKILL");
    ck_assert_ptr_nonnull(strstr(pn_signal_name(SIGRTMAX), "64"));
    pn_end_set(&end, PRONG_FAILED, 3, "%0300d", 1);
    ck_assert_int_eq(end.kind, PRONG_FAILED);
    ck_assert_int_eq(end.code, 3);
    ck_assert_uint_eq(strlen(end.text), sizeof end.text - 1);
    ck_assert_uint_eq(end.tag, 5);
    ck_assert_int_eq(end.pid, 6);
    ck_assert_uint_eq(end.address, 7);
    ck_assert_int_eq(pn_error(-EPIPE, "about %s", "pipes"), -EPIPE);
    ck_assert_str_eq(prong_last_error(), "about pipes");
}
END_TEST

START_TEST(a_fork_begins_an_epoch)
{
    int status;
    uint32_t epoch = pn_epoch();
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(pn_epoch() != epoch ? 0 : 1);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(pn_epoch(), epoch);
}
END_TEST

static void *be_counted(void *arg)
{
    *(unsigned *)arg = pn_thread_count();
    return NULL;
}

START_TEST(threads_are_counted_until_they_are_joined)
{
    for (int k = 0; k < ROUNDS(500); k++) {
        pthread_t thread;
        unsigned within = 0;
        ck_assert_uint_eq(pn_thread_count(), 1);
        ck_assert_int_eq(pn_thread_start(&thread, be_counted, &within, "counted"), 0);
        pn_thread_join(thread);
        if (SANITIZED_THREAD)              /* keeps a second thread of its own in a forked process, once there was any */
            return;
        ck_assert_uint_eq(within, 2);
    }
}
END_TEST

static void *tell_mask(void *arg)
{
    return (void *)(intptr_t)pthread_sigmask(SIG_BLOCK, NULL, arg);
}

START_TEST(a_thread_takes_no_signal_but_its_own_faults)
{
    pthread_t thread;
    sigset_t mask, mine;
    ck_assert_int_eq(pn_thread_start(&thread, tell_mask, &mask, "a name that is far too long"), 0);
    pn_thread_join(thread);
    ck_assert_int_eq(sigismember(&mask, SIGINT), 1);
    ck_assert_int_eq(sigismember(&mask, SIGALRM), 1);
    ck_assert_int_eq(sigismember(&mask, SIGSEGV), 0);
    ck_assert_int_eq(sigismember(&mask, SIGABRT), 0);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &mine), 0);
    ck_assert_int_eq(sigismember(&mine, SIGINT), 0);
}
END_TEST

START_TEST(a_child_that_is_not_seen_is_found_by_its_descriptor_alone)
{
    if (SANITIZED_THREAD)
        skip("under the thread sanitizer it is a plain child, as the sanitizer must know of it");
    int fd = -1;
    siginfo_t in = { .si_pid = 0 };
    pid_t child = pn_fork_unseen(&fd);
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(9);
    ck_assert_int_ge(fd, 0);
    ck_assert(await_death(child, 20000));
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
    ck_assert_int_eq(waitid(P_PIDFD, (id_t)fd, &in, WEXITED | __WALL), 0);
    ck_assert_int_eq(in.si_status, 9);
    ck_assert_int_eq(close(fd), 0);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(moments_saturate);
    add_case(never_is_later_than_any_moment);
    add_case(a_poll_is_never_too_short);
    add_case(sizes_do_not_wrap);
    add_case(a_list_keeps_its_order);
    add_case(signals_and_ends_have_words);
    add_case(a_fork_begins_an_epoch);
    add_case(threads_are_counted_until_they_are_joined);
    add_case(a_thread_takes_no_signal_but_its_own_faults);
    add_case(a_child_that_is_not_seen_is_found_by_its_descriptor_alone);
    return run_cases(argc, argv);
}
