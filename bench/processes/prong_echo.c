/* prong_echo.c - a payload to a worker of prong and back: one run at a time, submitted, waited for, freed.
 *
 *     prong_echo HOW BYTES PLACE PAUSE_US SECONDS
 *
 *     record      the payload is the record: copied there and back
 *     output      it is written into the shared heap, and the task copies it to its output, which is read in place
 *     heap        it lies in the shared heap, writable: the record points there, nobody touches it
 *     heap-lines  likewise, and both sides write a byte of each line */
#include "prong_use.h"
#include <errno.h>
#include <string.h>

struct pointer { void *data; uint64_t round; };

static size_t size;                 /* set before prong_init: so workers know it */
static prong_pool *pool;
static void *data, *heap;           /* the owner's copy; the same in the shared heap */
static uint64_t round_no;

/* ---- the tasks -------------------------------------------------------------------------------------------------------------- */

static int by_record(void *record)
{
    payload_answer(record, size);
    return 0;
}

static int by_output(void *record)
{
    struct pointer *p = record;
    void *output = prong_output_alloc(size);
    if (!output)
        return errno;
    memcpy(output, p->data, size);
    payload_answer(output, size);
    return 0;
}

static int by_heap(void *record)
{
    struct pointer *p = record;
    p->round++;
    return 0;
}

static int by_heap_lines(void *record)
{
    struct pointer *p = record;
    lines_touch(p->data, size);
    p->round++;
    return 0;
}

/* ---- the owner -------------------------------------------------------------------------------------------------------------- */

static prong_future *run(prong_fn *fn, const void *record, size_t record_size)
{
    prong_future *f;
    must(prong_submit(pool, fn, record, record_size, NULL, &f), "prong_submit");
    must(prong_wait(f, PRONG_NEVER, NULL), "prong_wait");
    return f;
}

static void record_once(void *arg)
{
    (void)arg;
    payload_stamp(data, size, ++round_no);
    prong_future *f = run(by_record, data, size);
    payload_check(prong_future_record(f), size, round_no);
    prong_future_free(f);
}

static const void *output_of(prong_future *f)
{
    size_t got;
    const void *output = prong_future_output(f, &got);
    if (!output || got != size)
        wrong("there is no output of that size");
    return output;
}

static void output_once(void *arg)
{
    (void)arg;
    payload_stamp(data, size, ++round_no);
    memcpy(heap, data, size);
    prong_future *f = run(by_output, &(struct pointer){ heap, round_no }, sizeof(struct pointer));
    payload_check(output_of(f), size, round_no);
    prong_future_free(f);
}

static void heap_once(void *fn)
{
    prong_future *f = run(*(prong_fn **)fn, &(struct pointer){ heap, ++round_no }, sizeof(struct pointer));
    struct pointer *p = prong_future_record(f);
    if (p->data != heap || p->round != round_no + 1)
        wrong("the record is not of this round");
    prong_future_free(f);
}

static void heap_lines_once(void *fn)
{
    lines_touch(heap, size);
    heap_once(fn);
}

/* What each way does, and what is left to be looked at after it. */
static const struct way { const char *name; prong_fn *fn; void (*once)(void *arg); enum prong_access access; } ways[] = {
    { "record", by_record, record_once, PRONG_READ },
    { "output", by_output, output_once, PRONG_READ },
    { "heap", by_heap, heap_once, PRONG_WRITE },
    { "heap-lines", by_heap_lines, heap_lines_once, PRONG_WRITE },
};

/* Once more, and every byte is looked at. */
static void check_all(const struct way *way)
{
    if (way->fn == by_heap_lines) {
        lines_check(heap, size, 2 * round_no);
        return;
    }
    payload_stamp(data, size, ++round_no);
    memcpy(heap, data, size);
    prong_future *f = way->fn == by_record ? run(by_record, data, size)
                                           : run(way->fn, &(struct pointer){ heap, round_no }, sizeof(struct pointer));
    if (way->fn == by_record)
        payload_check_all(prong_future_record(f), size, round_no);
    else if (way->fn == by_output)
        payload_check_all(output_of(f), size, round_no);
    else if (memcmp(heap, data, size) != 0)
        wrong("the shared heap has changed");
    prong_future_free(f);
}

int main(int argc, char **argv)
{
    const struct way *way = NULL;
    for (size_t i = 0; argc == 6 && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            way = &ways[i];
    if (!way) {
        fputs("usage: prong_echo record|output|heap|heap-lines BYTES PLACE PAUSE_US SECONDS\n", stderr);
        return 2;
    }
    size = strtoul(argv[2], NULL, 10);
    struct place place = place_of(argv[3]);
    must(prong_init(), "prong_init");
    pool = open_pool(place);
    data = private_memory(size);
    heap = prong_alloc(pool, size, way->access);
    if (!heap)
        die("prong_alloc");
    payload_fill(data, size);
    prong_fn *fn = way->fn;
    int64_t pause_us = atoll(argv[4]);
    double seconds = atof(argv[5]);
    struct times t = pause_us ? measure_after_pause(way->once, &fn, pause_us, seconds) : measure(way->once, &fn, 1, seconds);
    check_all(way);
    print_times(t);
    must(prong_pool_close(pool, PRONG_NEVER), "prong_pool_close");
    return 0;
}
