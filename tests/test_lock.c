/* sync/lock.h: one at a time, and no wake-up is lost. Each case is a race; the thread sanitizer runs them, too. */
#include "harness.h"
#include "sync/futex.h"
#include "sync/lock.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 6 };

static void start(pthread_t threads[THREADS], void *(*fn)(void *), void *arg)
{
    for (int k = 0; k < THREADS; k++)
        ck_assert_int_eq(pthread_create(&threads[k], NULL, fn, arg), 0);
}

static void join(pthread_t threads[THREADS])
{
    for (int k = 0; k < THREADS; k++)
        ck_assert_int_eq(pthread_join(threads[k], NULL), 0);
}

/* ---- lock ---- */

struct counter { struct pn_lock lock; uint64_t number, copy; };

static void *count(void *arg)
{
    struct counter *c = arg;
    for (int k = 0; k < ROUNDS(100000); k++) {
        pn_lock(&c->lock);
        c->number++;                                   /* plain: the lock alone orders it */
        c->copy = c->number;
        pn_unlock(&c->lock);
    }
    return NULL;
}

START_TEST(what_is_done_under_a_lock_is_done_by_one_at_a_time)
{
    struct counter c = { .number = 0 };
    pthread_t threads[THREADS];
    start(threads, count, &c);
    join(threads);
    ck_assert_uint_eq(c.number, (uint64_t)THREADS * ROUNDS(100000));
    ck_assert_uint_eq(c.copy, c.number);
    ck_assert_uint_eq(c.lock.word, 0);
}
END_TEST

static void *count_slowly(void *arg)
{
    struct counter *c = arg;
    for (int k = 0; k < ROUNDS(2000); k++) {
        pn_lock(&c->lock);
        uint64_t seen = c->number;
        (void)sched_yield();                           /* the others run into the lock and sleep */
        c->number = seen + 1;
        pn_unlock(&c->lock);
    }
    return NULL;
}

START_TEST(who_sleeps_on_a_lock_is_woken)
{
    struct counter c = { .number = 0 };
    pthread_t threads[THREADS];
    start(threads, count_slowly, &c);
    join(threads);
    ck_assert_uint_eq(c.number, (uint64_t)THREADS * ROUNDS(2000));
}
END_TEST

/* Registered before main's first fork, as the library does it. */
static struct pn_lock global;

START_TEST(a_lock_of_the_library_is_free_in_a_forked_child)
{
    int status;
    pn_lock_free_at_fork(&global);
    pn_lock(&global);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        pn_lock(&global);
        pn_unlock(&global);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    pn_unlock(&global);
}
END_TEST

/* ---- condition ---- */

struct ball { struct pn_lock lock; struct pn_cond moved; unsigned at; uint64_t passes; };

static void *play(void *arg)
{
    struct ball *b = arg;
    pn_lock(&b->lock);
    unsigned me = b->at++;
    pn_unlock(&b->lock);
    for (int k = 0; k < ROUNDS(5000); k++) {
        pn_lock(&b->lock);
        while (b->passes % THREADS != me)
            ck_assert_int_eq(pn_cond_wait(&b->moved, &b->lock, PRONG_NEVER), 0);
        b->passes++;
        pn_cond_broadcast(&b->moved);
        pn_unlock(&b->lock);
    }
    return NULL;
}

START_TEST(a_broadcast_reaches_everybody_who_waits)
{
    struct ball b = { .at = 0 };
    pthread_t threads[THREADS];
    start(threads, play, &b);
    join(threads);
    ck_assert_uint_eq(b.passes, (uint64_t)THREADS * ROUNDS(5000));
    ck_assert_uint_eq(b.moved.sleepers, 0);
}
END_TEST

struct store { struct pn_lock lock; struct pn_cond filled; uint32_t items, taken; bool closed; };

static void *take(void *arg)
{
    struct store *s = arg;
    pn_lock(&s->lock);
    for (;;) {
        if (s->items > 0) {
            s->items--;
            s->taken++;
        } else if (s->closed) {
            break;
        } else {
            (void)pn_cond_wait(&s->filled, &s->lock, PRONG_NEVER);
        }
    }
    pn_unlock(&s->lock);
    return NULL;
}

/* One signal for one item: one that is lost leaves an item, and its taker asleep. */
START_TEST(a_signal_wakes_at_least_one)
{
    struct store s = { .items = 0 };
    pthread_t threads[THREADS];
    start(threads, take, &s);
    for (int k = 0; k < ROUNDS(50000); k++) {
        pn_lock(&s.lock);
        s.items++;
        pn_cond_signal(&s.filled);
        pn_unlock(&s.lock);
    }
    pn_lock(&s.lock);
    s.closed = true;
    pn_cond_broadcast(&s.filled);
    pn_unlock(&s.lock);
    join(threads);
    ck_assert_uint_eq(s.taken, ROUNDS(50000));
}
END_TEST

struct pair { struct pn_lock lock; struct pn_cond told; bool done; };

static void *tell(void *arg)
{
    struct pair *p = arg;
    pn_lock(&p->lock);
    p->done = true;
    pn_cond_signal(&p->told);
    pn_unlock(&p->lock);
    return NULL;
}

START_TEST(a_waiter_with_a_deadline_is_told_before_it)
{
    for (int k = 0; k < ROUNDS(3000); k++) {           /* short lives: each one meets the race anew */
        struct pair p = { .done = false };
        pthread_t t;
        int r = 0;
        ck_assert_int_eq(pthread_create(&t, NULL, tell, &p), 0);
        pn_lock(&p.lock);
        prong_time deadline = prong_in_ms(50000);
        while (!p.done && r == 0)
            r = pn_cond_wait(&p.told, &p.lock, deadline);
        pn_unlock(&p.lock);
        ck_assert_int_eq(r, 0);
        ck_assert_int_eq(pthread_join(t, NULL), 0);
    }
}
END_TEST

START_TEST(a_wait_ends_at_its_deadline_with_the_lock_held)
{
    struct pair p = { .done = false };
    pn_lock(&p.lock);
    ck_assert_int_eq(pn_cond_wait(&p.told, &p.lock, PRONG_NOW), -ETIMEDOUT);
    int r;
    while ((r = pn_cond_wait(&p.told, &p.lock, prong_in_ms(2))) == 0)
        ;
    ck_assert_int_eq(r, -ETIMEDOUT);
    ck_assert_uint_ne(p.lock.word, 0);
    ck_assert_uint_eq(p.told.sleepers, 0);
    pn_unlock(&p.lock);
}
END_TEST

/* ---- futex ---- */

START_TEST(nobody_sleeps_on_a_word_that_has_changed)
{
    pn_u32 word = 5;
    ck_assert_int_eq(pn_futex_wait(&word, 4, PRONG_NEVER), 0);
    ck_assert_int_eq(pn_futex_wait(&word, 5, PRONG_NOW), -ETIMEDOUT);
    ck_assert_int_eq(pn_futex_wait(&word, 5, prong_in_ms(1)), -ETIMEDOUT);
    pn_futex_wake(&word, 1);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(what_is_done_under_a_lock_is_done_by_one_at_a_time);
    add_case(who_sleeps_on_a_lock_is_woken);
    add_case(a_lock_of_the_library_is_free_in_a_forked_child);
    add_case(a_broadcast_reaches_everybody_who_waits);
    add_case(a_signal_wakes_at_least_one);
    add_case(a_waiter_with_a_deadline_is_told_before_it);
    add_case(a_wait_ends_at_its_deadline_with_the_lock_held);
    add_case(nobody_sleeps_on_a_word_that_has_changed);
    return run_cases(argc, argv);
}
