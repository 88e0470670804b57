/* table.c - a batch is looked up in blocks: first the slots of all its keys, then their entries, each fetched ahead, so that many misses of
 * the cache are waited for at once. */
#include "records/aggregate/table.h"

#include <errno.h>

enum { BLOCK = 32, SLOTS_LEAST = 64 };

static uint64_t *slots_of(const struct table *t) { return (uint64_t *)(void *)t->slots->at; }
static uint64_t mask_of(const struct table *t) { return t->slots->size / sizeof(uint64_t) - 1; }
static uint64_t home_of(const struct table *t, uint32_t mark, uint64_t mask)
{
    return ((uint64_t)(t->is_mixed ? mark * UINT32_C(0x9e3779b1) : mark) * (mask + 1)) >> 32;
}

const char *key_bytes(const struct key *key, const struct lane *longs)
{
    return key->size <= KEY_SHORT ? (const char *)key->word : longs->at + key->word[0];
}

static bool is_same(const struct table *t, const struct entry_of_key *e, const struct key *key, const struct lane *longs, uint64_t owner,
                    bool is_owned)
{
    if (e->key.size != key->size || e->key.word[1] != key->word[1] || (is_owned && e->owner != owner))
        return false;
    if (key->size <= KEY_SHORT)
        return e->key.word[0] == key->word[0];
    return memcmp(key_bytes(&e->key, t->longs), key_bytes(key, longs), key->size) == 0;
}

/* ---- slots ---- */

static void put_slot(struct table *t, uint32_t mark, uint32_t id)
{
    uint64_t *slot = slots_of(t), mask = mask_of(t), i = home_of(t, mark, mask);
    while (slot[i])
        i = (i + 1) & mask;
    slot[i] = (uint64_t)mark << 32 | (id + 1);
}

/* In the order of the old slots, which is nearly that of the new ones. */
static int grow_slots(struct table *t, uint64_t n)
{
    struct lane before = *t->slots, fresh = { 0 };
    if (!lane_reach(&fresh, n * sizeof(uint64_t)))
        return -ENOMEM;
    *t->slots = fresh;
    for (uint64_t i = 0; i < before.size / sizeof(uint64_t); i++) {
        uint64_t slot = ((const uint64_t *)(const void *)before.at)[i];
        if (slot)
            put_slot(t, (uint32_t)(slot >> 32), (uint32_t)slot - 1);
    }
    lane_free(&before);
    return 0;
}

/* At most 5 of 8 are used. */
static int make_room(struct table *t, uint64_t n_entries)
{
    uint64_t n = t->slots->size / sizeof(uint64_t);
    if (n && n_entries * 8 <= n * 5)
        return 0;
    n = n < SLOTS_LEAST ? SLOTS_LEAST : 2 * n;
    while (n_entries * 8 > n * 5)
        n *= 2;
    return grow_slots(t, n);
}

int table_index(struct table *t)
{
    lane_free(t->slots);
    int r = make_room(t, table_length(t));
    for (uint32_t i = 0; r == 0 && i < table_length(t); i++)
        put_slot(t, table_at(t, i)->key.mark, i);
    return r;
}

/* ---- finding ---- */

/* Into the free slot where the search for it has ended, unless the slots have to grow. */
static int add_entry(struct table *t, const struct key *key, const struct lane *longs, uint64_t rest, uint64_t slot, uint32_t *ret_id)
{
    uint32_t id = table_length(t);
    size_t n_slots = t->slots->size;
    int r = id < TABLE_NONE - 1 ? make_room(t, (uint64_t)id + 1) : -ENOMEM;
    if (r < 0)
        return r;
    uint64_t offset = t->longs->size;
    if (key->size > KEY_SHORT) {
        char *bytes = lane_more(t->longs, key->size);
        if (!bytes)
            return -ENOMEM;
        memcpy(bytes, key_bytes(key, longs), key->size);
    }
    struct entry_of_key *e = lane_more(t->entries, sizeof *e);
    if (!e)
        return -ENOMEM;
    *e = (struct entry_of_key){ .key = *key, .owner = rest };
    if (key->size > KEY_SHORT)
        e->key.word[0] = offset;
    if (t->slots->size == n_slots)
        slots_of(t)[slot] = (uint64_t)key->mark << 32 | (id + 1);
    else
        put_slot(t, key->mark, id);
    *ret_id = id;
    return 0;
}

/* The first entry with this mark, from slot *at on; TABLE_NONE: there is none. */
static uint32_t next_id(const uint64_t *slot, uint64_t mask, uint32_t mark, uint64_t *at)
{
    for (; slot[*at]; *at = (*at + 1) & mask)
        if ((uint32_t)(slot[*at] >> 32) == mark)
            return (uint32_t)slot[*at] - 1;
    return TABLE_NONE;
}

/* From slot *at on; TABLE_NONE: *at is the free slot that it would take. */
static uint32_t find_from(const struct table *t, const struct key *key, const struct lane *longs, uint64_t rest, bool is_owned,
                          uint64_t *at)
{
    const uint64_t *slot = slots_of(t);
    uint64_t mask = mask_of(t);
    uint32_t id;
    while ((id = next_id(slot, mask, key->mark, at)) != TABLE_NONE && !is_same(t, table_at(t, id), key, longs, rest, is_owned))
        *at = (*at + 1) & mask;
    return id;
}

static int find_or_add(struct table *t, const struct key *key, const struct lane *longs, uint64_t rest, bool is_owned, uint32_t *ret_id)
{
    uint64_t at = home_of(t, key->mark, mask_of(t));
    *ret_id = find_from(t, key, longs, rest, is_owned, &at);
    return *ret_id == TABLE_NONE ? add_entry(t, key, longs, rest, at, ret_id) : 0;
}

static void fetch_slots(const struct table *t, const struct key *key, uint32_t n)
{
    uint64_t mask = mask_of(t);
    for (uint32_t i = 0; i < n; i++)
        __builtin_prefetch(slots_of(t) + home_of(t, key[i].mark, mask));
}

static int find_block(struct table *t, const struct key *key, const struct lane *longs, const uint64_t *rest, bool is_owned, uint32_t n,
                      uint32_t *ret_ids)
{
    uint64_t mask = mask_of(t);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t at = home_of(t, key[i].mark, mask);
        ret_ids[i] = next_id(slots_of(t), mask, key[i].mark, &at);
        if (ret_ids[i] != TABLE_NONE)
            __builtin_prefetch(table_at(t, ret_ids[i]));
    }
    for (uint32_t i = 0; i < n; i++) {
        if (ret_ids[i] != TABLE_NONE && is_same(t, table_at(t, ret_ids[i]), &key[i], longs, rest[i], is_owned))
            continue;
        int r = find_or_add(t, &key[i], longs, rest[i], is_owned, &ret_ids[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

int table_find(struct table *t, const struct key *key, const struct lane *longs, const uint64_t *rest, bool is_owned, uint32_t n,
               uint32_t *ret_ids)
{
    int r = make_room(t, (uint64_t)table_length(t) + 1);
    uint32_t size = 0;
    if (r == 0)
        fetch_slots(t, key, n < BLOCK ? n : BLOCK);
    for (uint32_t at = 0; r == 0 && at < n; at += size) {
        size = n - at < BLOCK ? n - at : BLOCK;
        if (at + size < n)
            fetch_slots(t, key + at + size, n - at - size < BLOCK ? n - at - size : BLOCK);
        r = find_block(t, key + at, longs, rest + at, is_owned, size, ret_ids + at);
    }
    return r;
}

void table_seek(const struct table *t, const struct key *key, const struct lane *longs, uint32_t n, uint32_t *ret_ids)
{
    uint64_t mask = mask_of(t);
    bool is_empty = !t->slots->size;
    if (!is_empty)
        fetch_slots(t, key, n);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t at = home_of(t, key[i].mark, mask);
        ret_ids[i] = is_empty ? TABLE_NONE : next_id(slots_of(t), mask, key[i].mark, &at);
        if (ret_ids[i] != TABLE_NONE)
            __builtin_prefetch(table_at(t, ret_ids[i]));
    }
    for (uint32_t i = 0; i < n; i++)
        if (ret_ids[i] != TABLE_NONE && !is_same(t, table_at(t, ret_ids[i]), &key[i], longs, 0, false)) {
            uint64_t at = home_of(t, key[i].mark, mask);
            ret_ids[i] = find_from(t, &key[i], longs, 0, false, &at);
        }
}

int table_reserve(struct table *t, uint64_t n) { return make_room(t, table_length(t) + n + 1); }

int table_append(struct table *t, const struct table *from)
{
    int r = 0;
    for (uint32_t i = 0; i < table_length(from) && r == 0; i++) {
        uint32_t id;
        const struct entry_of_key *e = table_at(from, i);
        r = find_or_add(t, &e->key, from->longs, e->first, false, &id);
    }
    return r;
}

/* ---- bytes from elsewhere ---- */

static bool entry_holds(const struct table *t, const struct key *key, uint32_t n_values)
{
    if (key->size > KEY_SHORT && (key->word[0] > t->longs->size || key->size > t->longs->size - key->word[0]))
        return false;
    const char *bytes = key_bytes(key, t->longs);
    size_t at = 0;
    for (uint32_t k = 0; k < n_values; k++) {
        struct value ignored;
        size_t size = key_read(bytes + at, key->size - at, &ignored);
        if (!size)
            return false;
        at += size;
    }
    return at == key->size;
}

bool table_holds(const struct table *t, uint32_t n_values)
{
    if (t->entries->size % sizeof(struct entry_of_key) || t->entries->size / sizeof(struct entry_of_key) >= TABLE_NONE - 1)
        return false;
    for (uint32_t i = 0; i < table_length(t); i++)
        if (!entry_holds(t, &table_at(t, i)->key, n_values))
            return false;
    return true;
}
