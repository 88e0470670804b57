/* Two levels, after Masmano and others, "TLSF: a New Dynamic Memory Allocator" (2004): powers of two, each cut into 16 slots. Up to 31
 * units a slot holds one size. */
#include "memory/bins.h"

enum { SLOT_BITS = 4, GLANCES = 4 };

struct bin { unsigned level, slot; };

/* Of a size below PN_UNIT << (PN_BIN_LEVELS + SLOT_BITS - 1), so of any block in an extent that is not a block of its own. */
static struct bin bin_of(size_t size)
{
    size_t units = size / PN_UNIT;
    if (units < PN_BIN_SLOTS)
        return (struct bin){ 0, (unsigned)units };
    unsigned top = 63 - (unsigned)__builtin_clzl(units);
    return (struct bin){ top - SLOT_BITS + 1, (units >> (top - SLOT_BITS)) % PN_BIN_SLOTS };
}

void pn_bins_init(struct pn_bins *bins)
{
    bins->levels = 0;
    for (int l = 0; l < PN_BIN_LEVELS; l++) {
        bins->slots[l] = 0;
        for (int s = 0; s < PN_BIN_SLOTS; s++)
            pn_list_init(&bins->list[l][s]);
    }
}

void pn_bins_put(struct pn_bins *bins, struct pn_block *b)
{
    struct bin at = bin_of(b->size);
    bins->levels |= 1u << at.level;
    bins->slots[at.level] |= 1u << at.slot;
    pn_list_push_front(&bins->list[at.level][at.slot], &b->by_use);
}

void pn_bins_remove(struct pn_bins *bins, struct pn_block *b)
{
    struct bin at = bin_of(b->size);
    pn_list_remove(&b->by_use);
    if (!pn_list_empty(&bins->list[at.level][at.slot]))
        return;
    bins->slots[at.level] &= ~(1u << at.slot);
    if (!bins->slots[at.level])
        bins->levels &= ~(1u << at.level);
}

static struct pn_block *look_through(struct pn_list *list, size_t size, size_t most)
{
    for (struct pn_list *it = list->next; it != list && most; it = it->next, most--) {
        struct pn_block *b = PN_OF(it, struct pn_block, by_use);
        if (b->size >= size)
            return b;
    }
    return NULL;
}

struct pn_block *pn_bins_find(struct pn_bins *bins, size_t size, bool thorough)
{
    struct bin at = bin_of(size);
    struct pn_block *b = look_through(&bins->list[at.level][at.slot], size, thorough ? SIZE_MAX : GLANCES);
    if (b)
        return b;
    uint32_t slots = bins->slots[at.level] & (~1u << at.slot);          /* of those above, any block fits */
    if (!slots) {
        uint32_t levels = bins->levels & (~1u << at.level);
        if (!levels)
            return NULL;
        at.level = (unsigned)__builtin_ctz(levels);
        slots = bins->slots[at.level];
    }
    return PN_OF(bins->list[at.level][__builtin_ctz(slots)].next, struct pn_block, by_use);
}
