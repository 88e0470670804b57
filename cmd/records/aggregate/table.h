/* table.h - numbers keys as they appear, 0, 1, 2 ...: for groups, and for the sets that distinct counts.
 *
 * Open addressing with linear steps; a slot is the key's mark and its number, so most of what is looked up and is not the same key is
 * passed over without a look at its entry. The slot follows from the mark's highest bits: a larger table keeps the order of a smaller
 * one, and what belongs to one part of the marks lies together. */
#pragma once
#include "records/aggregate/key.h"

struct entry_of_key {
    struct key key;             /* a long one's bytes lie in the table's own lane */
    union {
        place first;            /* groups: where it first appears */
        uint64_t owner;         /* sets: the group */
    };
};

struct table {
    struct lane *entries, *longs, *slots;
    bool is_mixed;              /* slots follow from all bits of the mark: where the highest are alike in all keys */
};

static inline uint32_t table_length(const struct table *t) { return (uint32_t)(t->entries->size / sizeof(struct entry_of_key)); }
static inline struct entry_of_key *table_at(const struct table *t, uint32_t i)
{
    return (struct entry_of_key *)(void *)t->entries->at + i;
}

/* Finds or adds n keys, whose long ones lie in `longs`; new ones get places or owners from `rest`, which are compared, too, if is_owned.
 * 0 or -ENOMEM. */
int table_find(struct table *t, const struct key *key, const struct lane *longs, const uint64_t *rest, bool is_owned, uint32_t n,
               uint32_t *ret_ids);

/* The same, but adds nothing: TABLE_NONE for keys that are not there. Changes nothing, so many may call it at once. */
#define TABLE_NONE UINT32_MAX
void table_seek(const struct table *t, const struct key *key, const struct lane *longs, uint32_t n, uint32_t *ret_ids);

/* Makes room for n more. To be called before many are added in the order of another table's slots: while the slots were still few, the
 * lowest marks, which then come first, would all want the same ones. 0 or -ENOMEM. */
int table_reserve(struct table *t, uint64_t n);

/* Adds the keys of another table in their order; room for them is reserved. 0 or -ENOMEM. */
int table_append(struct table *t, const struct table *from);

/* Slots are not written: makes them anew for all entries. 0 or -ENOMEM. */
int table_index(struct table *t);

/* Of bytes from elsewhere: whether each entry is n_values codes and nothing else. */
bool table_holds(const struct table *t, uint32_t n_values);

const char *key_bytes(const struct key *key, const struct lane *longs);
