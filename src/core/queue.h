/* queue.h - the runs of one pool that nobody has begun: by priority, then in the order they came.
 *
 * One list per priority in use, in falling order: programs use few, so finding the right one is quick, and taking a run out of the
 * middle (cancelled, or run by who waits for it) takes no search. Under the pool's lock. */
#pragma once
#include "base/list.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pn_queued { struct pn_list link; struct pn_level *level; };     /* in a run; level NULL: not in the queue */
struct pn_queue { struct pn_list levels; size_t count; };

void pn_queue_init(struct pn_queue *q);
void pn_queue_fini(struct pn_queue *q);                                 /* empty by then */
/* false: no memory. In front of its equals for a run that was begun before. */
bool pn_queue_push(struct pn_queue *q, struct pn_queued *run, int32_t priority, bool in_front);
void pn_queue_remove(struct pn_queue *q, struct pn_queued *run);
struct pn_queued *pn_queue_first(struct pn_queue *q);                   /* stays in the queue; NULL: it is empty */
