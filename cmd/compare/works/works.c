/* works.c - the table of all works. */
#include "compare/works/work.h"

#include "compare/stats/measure.h"
#include "compare/works/counter.h"
#include "compare/works/records.h"
#include "compare/works/sqrt.h"
#include "compare/works/wait.h"
#include "interrupt.h"
#include "say.h"

const struct work *const works[WORKS_N] = {
    [WORK_SQRT] = &sqrt_work, [WORK_RECORDS] = &records_work, [WORK_WAIT] = &wait_work, [WORK_COUNTER] = &counter_work,
};

struct span work_span(double begin)
{
    return (struct span){ .begin = begin, .end = measure_now(), .slot = prong_slot() };
}

void work_add_span(struct outcome *outcome, struct span span)
{
    if (outcome->n_spans < SPANS_MAX)
        outcome->spans[outcome->n_spans++] = span;
}

int work_say_end(int r, const prong_error *end)
{
    if (interrupt_came())       /* what gave way for that needs no explanation */
        return SAY_INTERRUPTED;
    if (r < 0)
        return say_error(SAY_MISSING, "%s", prong_last_error());
    return say_error(SAY_WRONG, "%s", end->text);
}
