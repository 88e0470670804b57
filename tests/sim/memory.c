/* Memory: what is stored, what is still on its way there, and what each actor knows of the others.
 *
 * What is known is told by stamps (vector clocks): an actor's own count grows with every release; a release store carries the actor's stamp
 * to who acquires it. An access to memory that is not atomic is ordered behind another if the other's count is known. */
#include "sim/inside.h"
#include <stdio.h>
#include <string.h>

enum { WORDS = 1 << 11, NAMES = 64 };

/* `released`: what the store that is there carries. The rest: who has stored and loaded it, where it is not atomic. */
struct word { const void *at; uint32_t run; struct sim_stamp released; unsigned writer; uint32_t written; uint32_t read[SIM_ACTORS]; };
static struct word words[WORDS];
static struct name { const char *at; size_t size, each; const char *whose, *what; } names[NAMES];
static unsigned name_count, word_count;

void sim_memory_begin(void)
{
    name_count = word_count = 0;
}

/* ---- names ---- */

void sim_name(const void *at, size_t size, size_t each, const char *whose, const char *what)
{
    if (name_count == NAMES)
        sim_fail("too many names");
    names[name_count++] = (struct name){ .at = at, .size = size, .each = each, .whose = whose, .what = what };
}

const char *sim_name_of(const void *word)
{
    static char text[64];
    const char *at = word;
    for (const struct name *n = names + name_count; n-- > names;)
        if (at >= n->at && at < n->at + n->size) {
            int used = snprintf(text, sizeof text, "%s%s", n->whose, n->what);
            if (n->each != n->size && used > 0 && (size_t)used < sizeof text)
                (void)snprintf(text + used, sizeof text - (size_t)used, "[%zu]", (size_t)(at - n->at) / n->each);
            return text;
        }
    for (unsigned k = 0; k < sim.actors; k++)
        if (word == &sim.actor[k].death) {
            (void)snprintf(text, sizeof text, "the death of %s", sim.actor[k].name);
            return text;
        }
    return "a word without a name";
}

/* ---- words ---- */

static struct word *word_of(const void *at)
{
    size_t k = ((uintptr_t)at >> 2) * 0x9e3779b1u % WORDS;
    while (words[k].run == sim.run && words[k].at != at)
        k = (k + 1) % WORDS;
    if (words[k].run != sim.run) {
        if (++word_count == WORDS)
            sim_fail("too many words");
        words[k] = (struct word){ .at = at, .run = sim.run };
    }
    return &words[k];
}

static uint64_t there(const void *at, size_t size)
{
    uint32_t half;
    uint64_t whole;
    if (size == sizeof half) {
        memcpy(&half, at, sizeof half);
        return half;
    }
    memcpy(&whole, at, sizeof whole);
    return whole;
}

static void put(void *at, size_t size, uint64_t value)
{
    uint32_t half = (uint32_t)value;
    memcpy(at, size == sizeof half ? (const void *)&half : &value, size);
}

void sim_learn(struct sim_stamp *whose, const struct sim_stamp *more)
{
    for (unsigned k = 0; k < SIM_ACTORS; k++)
        if (more->at[k] > whose->at[k])
            whose->at[k] = more->at[k];
}

/* ---- races ---- */

static void check_is_ordered(const struct sim_actor *a, const void *at, unsigned other, uint32_t count, const char *did)
{
    if (other != a->number && count > a->stamp.at[other])
        sim_fail("a race: nothing says that %s has %s %s before", sim.actor[other].name, did, sim_name_of(at));
}

static void check_read(const struct sim_actor *a, const void *at)
{
    struct word *w = word_of(at);
    check_is_ordered(a, at, w->writer, w->written, "written");
    w->read[a->number] = a->stamp.at[a->number];
}

static void check_write(const struct sim_actor *a, const void *at)
{
    struct word *w = word_of(at);
    check_is_ordered(a, at, w->writer, w->written, "written");
    for (unsigned k = 0; k < sim.actors; k++)
        check_is_ordered(a, at, k, w->read[k], "read");
    w->writer = a->number;
    w->written = a->stamp.at[a->number];
}

/* ---- buffers ---- */

static void leave_buffer(struct sim_actor *a, unsigned k)
{
    struct sim_pending *p = &a->buffer[k];
    put(p->word, p->size, p->value);
    word_of(p->word)->released = p->stamp;
    sim_trace("   %s's store of %s = %llu is visible now", a->name, sim_name_of(p->word), (unsigned long long)p->value);
    memmove(p, p + 1, (--a->pending - k) * sizeof *p);
}

static void drain_until(struct sim_actor *a, unsigned k)
{
    while (k-- > 0)
        leave_buffer(a, 0);
}

void sim_drain_all(struct sim_actor *a)
{
    drain_until(a, a->pending);
}

static bool may_leave(const struct sim_actor *a, unsigned k)
{
    if (k == 0)
        return true;
    if (sim.mode == SIM_TSO || a->buffer[k].release)
        return false;
    for (unsigned ahead = 0; ahead < k; ahead++)
        if (a->buffer[ahead].word == a->buffer[k].word)
            return false;
    return true;
}

void sim_drain_one(void)
{
    struct sim_actor *a = &sim.actor[sim_random(sim.actors)];
    if (a->pending == 0)
        return;
    unsigned k = sim_random(a->pending);
    if (may_leave(a, k))
        leave_buffer(a, k);
    else
        leave_buffer(a, 0);
}

/* Its last store to that word that is still on its way; NULL: none. */
static struct sim_pending *own_store(struct sim_actor *a, const void *at)
{
    for (unsigned k = a->pending; k-- > 0;)
        if (a->buffer[k].word == at)
            return &a->buffer[k];
    return NULL;
}

static void push(struct sim_actor *a, const struct sim_pending *p)
{
    if (a->pending == SIM_BUFFER)
        leave_buffer(a, 0);
    a->buffer[a->pending++] = *p;
}

/* Weak: a sequentially consistent load comes behind the actor's stores of that kind, and so behind all ahead of them. */
static void drain_seq_cst(struct sim_actor *a)
{
    for (unsigned k = a->pending; k-- > 0;)
        if (a->buffer[k].seq_cst) {
            drain_until(a, k + 1);
            return;
        }
}

/* ---- accesses ---- */

static const char *order_name(enum sim_order order)
{
    static const char *const all[] = { "plain", "relaxed", "acquire", "release", "acq_rel", "seq_cst" };
    return all[order];
}

static bool releases(enum sim_order order) { return order >= SIM_RELEASE; }
static bool acquires(enum sim_order order) { return order == SIM_ACQUIRE || order >= SIM_ACQ_REL; }

uint64_t sim_load(const void *word, size_t size, enum sim_order order, const char *where)
{
    sim_step();
    struct sim_actor *a = sim.self;
    if (!a)
        return there(word, size);
    if (order == SIM_SEQ_CST)
        drain_seq_cst(a);
    if (order == SIM_PLAIN)
        check_read(a, word);
    const struct sim_pending *own = own_store(a, word);
    uint64_t value = own ? own->value : there(word, size);
    if (!own && acquires(order))
        sim_learn(&a->stamp, &word_of(word)->released);
    sim_trace("%-18s load  %-8s %s is %llu", where, order_name(order), sim_name_of(word), (unsigned long long)value);
    return value;
}

/* A release store: its stamp. What comes after it is not told by it. */
static struct sim_stamp stamp_of_release(struct sim_actor *a)
{
    struct sim_stamp stamp = a->stamp;
    a->stamp.at[a->number]++;
    return stamp;
}

void sim_store(void *word, size_t size, uint64_t value, enum sim_order order, const char *where)
{
    sim_step();
    struct sim_actor *a = sim.self;
    if (!a) {
        put(word, size, value);
        return;
    }
    sim_trace("%-18s store %-8s %s = %llu", where, order_name(order), sim_name_of(word), (unsigned long long)value);
    if (order == SIM_PLAIN)
        check_write(a, word);
    struct sim_pending p = { .word = word, .value = value, .size = (uint8_t)size, .release = releases(order),
                             .seq_cst = order == SIM_SEQ_CST };
    if (p.release)
        p.stamp = stamp_of_release(a);
    push(a, &p);
    if (order == SIM_SEQ_CST && sim.mode == SIM_TSO)
        sim_drain_all(a);
}

/* A read-modify-write is at memory at once; in weak mode what is ahead of it may come later, if it is no release. */
static void begin_change(struct sim_actor *a, const void *word, enum sim_order order)
{
    const struct sim_pending *own = own_store(a, word);
    if (sim.mode == SIM_TSO || releases(order))
        sim_drain_all(a);
    else if (own)
        drain_until(a, (unsigned)(own - a->buffer) + 1);
}

static void end_change(struct sim_actor *a, void *word, size_t size, uint64_t value, enum sim_order order)
{
    struct word *w = word_of(word);
    if (acquires(order))
        sim_learn(&a->stamp, &w->released);
    if (releases(order)) {                 /* what was released there before goes on being so */
        struct sim_stamp stamp = stamp_of_release(a);
        sim_learn(&w->released, &stamp);
    }
    put(word, size, value);
}

uint64_t sim_change(void *word, size_t size, enum sim_change how, uint64_t value, enum sim_order order, const char *where)
{
    sim_step();
    struct sim_actor *a = sim.self;
    if (!a)
        sim_fail("only actors change words");
    begin_change(a, word, order);
    uint64_t was = there(word, size), is = how == SIM_SWAP ? value : how == SIM_ADD ? was + value : was - value;
    sim_trace("%-18s swap  %-8s %s from %llu to %llu", where, order_name(order), sim_name_of(word), (unsigned long long)was,
              (unsigned long long)is);
    end_change(a, word, size, is, order);
    return was;
}

bool sim_cas(void *word, void *expected, size_t size, uint64_t value, enum sim_order order, const char *where)
{
    sim_step();
    struct sim_actor *a = sim.self;
    if (!a)
        sim_fail("only actors change words");
    begin_change(a, word, order);
    uint64_t was = there(word, size);
    bool as_expected = was == there(expected, size);
    sim_trace("%-18s cas   %-8s %s is %llu: %s", where, order_name(order), sim_name_of(word), (unsigned long long)was,
              as_expected ? "changed" : "not as expected");
    if (as_expected)
        end_change(a, word, size, value, order);
    else
        put(expected, size, was);
    return as_expected;
}
