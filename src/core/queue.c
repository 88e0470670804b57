#include "core/queue.h"
#include <stdlib.h>

struct pn_level { struct pn_list link, runs; int32_t priority; };

void pn_queue_init(struct pn_queue *q)
{
    pn_list_init(&q->levels);
    q->count = 0;
}

/* The last level stays, even empty: most programs use one priority, and would make it anew for every run. */
static void drop_if_idle(struct pn_queue *q, struct pn_level *l)
{
    if (pn_list_empty(&l->runs) && (q->levels.next != &l->link || q->levels.prev != &l->link)) {
        pn_list_remove(&l->link);
        free(l);
    }
}

void pn_queue_fini(struct pn_queue *q)
{
    while (!pn_list_empty(&q->levels)) {
        struct pn_level *l = PN_OF(q->levels.next, struct pn_level, link);
        pn_list_remove(&l->link);
        free(l);
    }
}

static struct pn_level *level_of(struct pn_queue *q, int32_t priority)
{
    struct pn_list *it = q->levels.next;
    for (; it != &q->levels; it = it->next) {
        struct pn_level *l = PN_OF(it, struct pn_level, link);
        if (l->priority == priority)
            return l;
        if (l->priority < priority)
            break;
    }
    struct pn_level *l = malloc(sizeof *l);
    if (!l)
        return NULL;
    l->priority = priority;
    pn_list_init(&l->runs);
    pn_list_insert_before(it, &l->link);
    return l;
}

bool pn_queue_push(struct pn_queue *q, struct pn_queued *run, int32_t priority, bool in_front)
{
    struct pn_level *l = level_of(q, priority);
    if (!l)
        return false;
    run->level = l;
    if (in_front)
        pn_list_push_front(&l->runs, &run->link);
    else
        pn_list_push_back(&l->runs, &run->link);
    q->count++;
    return true;
}

void pn_queue_remove(struct pn_queue *q, struct pn_queued *run)
{
    struct pn_level *l = run->level;
    pn_list_remove(&run->link);
    run->level = NULL;
    q->count--;
    drop_if_idle(q, l);
}

struct pn_queued *pn_queue_first(struct pn_queue *q)
{
    PN_LIST_EACH(it, &q->levels) {
        struct pn_level *l = PN_OF(it, struct pn_level, link);
        if (!pn_list_empty(&l->runs))
            return PN_OF(l->runs.next, struct pn_queued, link);
    }
    return NULL;
}
