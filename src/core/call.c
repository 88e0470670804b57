#include "core/call.h"
#include "core/context.h"
#include "core/fold.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct pn_call pn_call_task(prong_fn *fn)
{
    return (struct pn_call){ .kind = PN_CALL_TASK, .fn = { (void (*)(void))fn } };
}

struct pn_call pn_call_range(prong_range_fn *fn, uint64_t lo, uint64_t hi)
{
    return (struct pn_call){ .kind = PN_CALL_RANGE, .fn = { (void (*)(void))fn }, .lo = lo, .hi = hi };
}

struct pn_call pn_call_span(prong_range_fn *fn, prong_fold_fn *fold, uint64_t lo, uint64_t hi, uint64_t leaf_size, uint64_t first,
                            uint64_t count)
{
    return (struct pn_call){ .kind = PN_CALL_SPAN, .fn = { (void (*)(void))fn, (void (*)(void))fold }, .lo = lo, .hi = hi,
                             .leaf_size = leaf_size, .first = first, .count = count };
}

static int span_here(const struct pn_call *c, void *record, size_t size, pn_u64 *ret_piece)
{
    struct pn_fold f;
    prong_range_fn *leaf = (prong_range_fn *)c->fn[0];
    int r = pn_fold_init(&f, (prong_fold_fn *)c->fn[1], pn_leaf_count(c->hi - c->lo, c->leaf_size), c->count, size);
    pn_store_relaxed(ret_piece, c->lo + c->first * c->leaf_size);
    if (r < 0)
        return prong_fail(r, "no memory for the values of a reduce (%zu bytes each)", size);
    for (uint64_t k = c->first; r == 0 && k < c->first + c->count; k++) {
        uint64_t from = c->lo + k * c->leaf_size;
        uint64_t to = c->hi - from > c->leaf_size ? from + c->leaf_size : c->hi;
        pn_store_relaxed(ret_piece, from);
        r = leaf(from, to, memcpy(pn_fold_next(&f), record, size));
        if (pn_context()->gave_way != PN_WENT_ON)
            break;                             /* what it left is no value */
        if (r == 0)
            pn_fold_push(&f, k, 1);
    }
    if (r == 0 && pn_fold_root(&f))
        memcpy(record, pn_fold_root(&f), size);
    pn_fold_fini(&f);
    return r;
}

int pn_call_here(const struct pn_call *c, void *record, size_t size, pn_u64 *ret_piece)
{
    switch ((enum pn_call_kind)c->kind) {
    case PN_CALL_TASK:
        return ((prong_fn *)c->fn[0])(record);
    case PN_CALL_RANGE:
        return ((prong_range_fn *)c->fn[0])(c->lo, c->hi, record);
    case PN_CALL_SPAN:
        return span_here(c, record, size, ret_piece);
    }
    return prong_fail(-EINVAL, "a call of kind %u is not known here", c->kind);
}

uint64_t pn_call_piece(const struct pn_call *c, uint64_t element)
{
    uint64_t leaf = element >= c->lo ? (element - c->lo) / c->leaf_size : 0;
    bool begins_one = element >= c->lo && (element - c->lo) % c->leaf_size == 0;
    bool is_ours = leaf >= c->first && leaf - c->first < c->count;
    return begins_one && is_ours ? element : c->lo + c->first * c->leaf_size;
}

void pn_address_name(uintptr_t address, char *ret_name, size_t size)
{
    Dl_info in;
    const void *at = (const void *)address;
    if (!dladdr(at, &in) || !in.dli_fname) {
        (void)snprintf(ret_name, size, "0x%zx", (size_t)address);
    } else if (in.dli_sname) {
        (void)snprintf(ret_name, size, "%s", in.dli_sname);
    } else {
        const char *slash = strrchr(in.dli_fname, '/');
        (void)snprintf(ret_name, size, "%s+0x%zx", slash ? slash + 1 : in.dli_fname, (size_t)((const char *)at - (const char *)in.dli_fbase));
    }
}

void pn_call_name(const struct pn_call *c, char *ret_name, size_t size)
{
    Dl_info in;
    void *at;
    memcpy(&at, &c->fn[0], sizeof at);
    if (!dladdr(at, &in) || !in.dli_fname) {
        (void)snprintf(ret_name, size, "%p", at);
    } else if (in.dli_sname && in.dli_saddr == at) {
        (void)snprintf(ret_name, size, "%s", in.dli_sname);
    } else {
        const char *slash = strrchr(in.dli_fname, '/');
        (void)snprintf(ret_name, size, "%s+0x%zx", slash ? slash + 1 : in.dli_fname, (size_t)((char *)at - (char *)in.dli_fbase));
    }
}
