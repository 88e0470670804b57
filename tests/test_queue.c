/* core/queue.h: by priority, then in the order they came. */
#include "harness.h"
#include "core/queue.h"
#include <stdlib.h>

struct run { struct pn_queued queued; int32_t priority; uint64_t order; };

static struct run *first_of(struct pn_queue *q)
{
    struct pn_queued *first = pn_queue_first(q);
    return first ? PN_OF(first, struct run, queued) : NULL;
}

static void push(struct pn_queue *q, struct run *r, int32_t priority)
{
    *r = (struct run){ .priority = priority };
    ck_assert(pn_queue_push(q, &r->queued, priority, false));
}

static void expect_next(struct pn_queue *q, struct run *r)
{
    ck_assert_ptr_eq(first_of(q), r);
    pn_queue_remove(q, &r->queued);
    ck_assert_ptr_null(r->queued.level);
}

START_TEST(an_empty_queue_has_no_first)
{
    struct pn_queue q;
    struct run r;
    pn_queue_init(&q);
    ck_assert_ptr_null(first_of(&q));
    ck_assert_uint_eq(q.count, 0);
    for (int k = 0; k < 3; k++) {
        push(&q, &r, k);
        ck_assert_uint_eq(q.count, 1);
        expect_next(&q, &r);
        ck_assert_ptr_null(first_of(&q));
        ck_assert_uint_eq(q.count, 0);
    }
    pn_queue_fini(&q);
}
END_TEST

START_TEST(higher_priorities_go_first_and_equals_in_their_order)
{
    struct pn_queue q;
    struct run r[7];
    static const int32_t priorities[7] = { 0, 5, 0, INT32_MIN, INT32_MAX, 5, -1 };
    static const int order[7] = { 4, 1, 5, 0, 2, 6, 3 };
    pn_queue_init(&q);
    for (int k = 0; k < 7; k++)
        push(&q, &r[k], priorities[k]);
    ck_assert_uint_eq(q.count, 7);
    for (int k = 0; k < 7; k++)
        expect_next(&q, &r[order[k]]);
    ck_assert_uint_eq(q.count, 0);
    pn_queue_fini(&q);
}
END_TEST

START_TEST(what_comes_in_front_goes_before_its_equals_alone)
{
    struct pn_queue q;
    struct run a, b, high, front = { .priority = 0 };
    pn_queue_init(&q);
    push(&q, &a, 0);
    push(&q, &b, 0);
    push(&q, &high, 1);
    ck_assert(pn_queue_push(&q, &front.queued, 0, true));
    expect_next(&q, &high);
    expect_next(&q, &front);
    expect_next(&q, &a);
    expect_next(&q, &b);
    pn_queue_fini(&q);
}
END_TEST

START_TEST(any_run_can_be_taken_out)
{
    struct pn_queue q;
    struct run r[30];
    pn_queue_init(&q);
    for (int k = 0; k < 30; k++)
        push(&q, &r[k], k % 3);
    for (int k = 0; k < 30; k += 2)
        pn_queue_remove(&q, &r[k].queued);
    ck_assert_uint_eq(q.count, 15);
    for (int level = 2; level >= 0; level--)
        for (int k = 1; k < 30; k += 2)
            if (k % 3 == level)
                expect_next(&q, &r[k]);
    pn_queue_fini(&q);
}
END_TEST

/* The model: a plain array, searched from end to end. */
enum { MOST = 200 };
struct model { struct run *at[MOST]; int n; };

static bool goes_before(const struct run *a, const struct run *b)
{
    return a->priority > b->priority || (a->priority == b->priority && a->order < b->order);
}

static struct run *first_of_model(const struct model *m)
{
    struct run *first = NULL;
    for (int k = 0; k < m->n; k++)
        if (!first || goes_before(m->at[k], first))
            first = m->at[k];
    return first;
}

static void remove_from_model(struct model *m, const struct run *r)
{
    int k = 0;
    while (m->at[k] != r)
        k++;
    m->at[k] = m->at[--m->n];
}

START_TEST(it_does_as_a_plain_array_does)
{
    struct pn_queue q;
    struct model m = { .n = 0 };
    uint64_t order = 1u << 30, front_order = order, seed = 42;
    pn_queue_init(&q);
    for (int step = 0; step < 100000; step++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        unsigned what = (unsigned)(seed >> 60);
        if ((what < 8 || m.n == 0) && m.n < MOST) {
            struct run *r = malloc(sizeof *r);
            ck_assert_ptr_nonnull(r);
            bool in_front = what == 0;
            *r = (struct run){ .priority = (int32_t)(seed >> 40) % 12 - 6, .order = in_front ? --front_order : ++order };
            m.at[m.n++] = r;
            if (!pn_queue_push(&q, &r->queued, r->priority, in_front))
                ck_abort_msg("no memory");
            continue;
        }
        struct run *r = what < 12 ? first_of_model(&m) : m.at[(seed >> 32) % (unsigned)m.n];
        if (first_of(&q) != first_of_model(&m) || q.count != (size_t)m.n)
            ck_abort_msg("step %d: the queue and the array differ", step);
        pn_queue_remove(&q, &r->queued);
        remove_from_model(&m, r);
        free(r);
    }
    while (m.n > 0) {
        struct run *r = first_of_model(&m);
        expect_next(&q, r);
        remove_from_model(&m, r);
        free(r);
    }
    pn_queue_fini(&q);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(an_empty_queue_has_no_first);
    add_case(higher_priorities_go_first_and_equals_in_their_order);
    add_case(what_comes_in_front_goes_before_its_equals_alone);
    add_case(any_run_can_be_taken_out);
    add_case(it_does_as_a_plain_array_does);
    return run_cases(argc, argv);
}
