/* list.h - a doubly linked ring of nodes that live in what they link.
 *
 * The head is a node, too; an empty ring is a head that points at itself, and a node that is in no ring points at itself after
 * pn_list_init or pn_list_remove, so removing twice is harmless. Not thread-safe: whoever owns the ring holds its lock. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct pn_list { struct pn_list *next, *prev; };

static inline void pn_list_init(struct pn_list *l) { l->next = l->prev = l; }
static inline bool pn_list_empty(const struct pn_list *l) { return l->next == l; }

static inline void pn_list_insert_before(struct pn_list *at, struct pn_list *node)
{
    node->prev = at->prev;
    node->next = at;
    at->prev->next = node;
    at->prev = node;
}
static inline void pn_list_push_back(struct pn_list *head, struct pn_list *node) { pn_list_insert_before(head, node); }
static inline void pn_list_push_front(struct pn_list *head, struct pn_list *node) { pn_list_insert_before(head->next, node); }

static inline void pn_list_remove(struct pn_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    pn_list_init(node);
}

#define PN_OF(node, type, member) ((type *)(void *)((char *)(node) - offsetof(type, member)))
#define PN_LIST_EACH(it, head) for (struct pn_list *it = (head)->next; it != (head); it = it->next)
