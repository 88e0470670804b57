/* pieces.c - one counter, and one byte for each piece:
 *
 *   UNKNOWN --> OWN_EVEN, OWN_ODD     of the quotes in this piece
 *      \------> ALL_EVEN, ALL_ODD     of those in this piece and all before it in its file: a look back may end here
 *
 * Two that count the same piece write the same. A byte that goes back from ALL to OWN (it was counted twice, and the slower one wrote
 * last) costs the next one a longer look, no more. */
#include "records/run/pieces.h"

#include <string.h>

enum { UNKNOWN, OWN_EVEN, OWN_ODD, ALL_EVEN, ALL_ODD };

uint64_t pieces_count(const struct source_file *file, uint32_t n_files, uint64_t (*ret_first_of)[2])
{
    uint64_t n = 0;
    for (uint32_t f = 0; f < n_files; f++) {
        ret_first_of[f][0] = n;
        ret_first_of[f][1] = file[f].first;
        if (!file[f].is_stream && file[f].size > file[f].first)
            n += (file[f].size - file[f].first + PIECE_BYTES - 1) / PIECE_BYTES;
    }
    ret_first_of[n_files][0] = n;
    ret_first_of[n_files][1] = 0;
    return n;
}

struct piece pieces_at(const struct pieces *p, uint64_t number)
{
    uint32_t lo = 0, hi = p->n_files;       /* the last file whose first piece is not behind it; files without pieces share a number */
    while (hi - lo > 1) {
        uint32_t middle = lo + (hi - lo) / 2;
        if (p->first_of[middle][0] <= number)
            lo = middle;
        else
            hi = middle;
    }
    struct piece piece = { .file = lo, .first = p->first_of[lo][1] };
    piece.lo = piece.first + (number - p->first_of[lo][0]) * PIECE_BYTES;
    piece.hi = piece.lo + PIECE_BYTES < p->file[lo].size ? piece.lo + PIECE_BYTES : p->file[lo].size;
    return piece;
}

/* ---- taking -------------------------------------------------------------------------------------------------------------- */

size_t pieces_shared_size(uint64_t n)
{
    return sizeof(struct pieces_shared) + n;
}

void pieces_shared_init(struct pieces_shared *shared, uint64_t n)
{
    memset(shared, 0, pieces_shared_size(n));
    shared->end = n;
}

bool pieces_take(struct pieces_shared *shared, uint32_t w, uint64_t *ret_number)
{
    *ret_number = __atomic_fetch_add(&shared->next, 1, __ATOMIC_RELAXED);
    if (*ret_number >= __atomic_load_n(&shared->end, __ATOMIC_RELAXED))
        return false;
    __atomic_store_n(&shared->working[w], *ret_number + 1, __ATOMIC_RELAXED);
    return true;
}

void pieces_done(struct pieces_shared *shared, uint32_t w, uint64_t bytes)
{
    __atomic_store_n(&shared->working[w], 0, __ATOMIC_RELAXED);
    (void)__atomic_fetch_add(&shared->done_bytes, bytes, __ATOMIC_RELAXED);
}

void pieces_stop_behind(struct pieces_shared *shared, uint64_t number)
{
    uint64_t end = __atomic_load_n(&shared->end, __ATOMIC_RELAXED);
    while (number + 1 < end && !__atomic_compare_exchange_n(&shared->end, &end, number + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

void pieces_stop(struct pieces_shared *shared)
{
    __atomic_store_n(&shared->end, 0, __ATOMIC_RELAXED);
}

/* ---- quotes -------------------------------------------------------------------------------------------------------------- */

static uint8_t what_of(const struct pieces_shared *shared, uint64_t number)
{
    return __atomic_load_n(&shared->quotes[number], __ATOMIC_RELAXED);
}

static void tell(struct pieces_shared *shared, uint64_t number, uint8_t even, bool is_odd)
{
    __atomic_store_n(&shared->quotes[number], (uint8_t)(even + is_odd), __ATOMIC_RELAXED);
}

static int count_there(const struct pieces *pieces, struct pieces_shared *shared, uint64_t number, pieces_count_fn *count, void *context,
                       bool *ret_is_odd, struct flaw *ret_flaw)
{
    struct piece piece = pieces_at(pieces, number);
    uint64_t quotes;
    int r = count(context, &piece, &quotes, ret_flaw);
    if (r != 0)
        return r;
    *ret_is_odd = quotes & 1;
    tell(shared, number, OWN_EVEN, *ret_is_odd);
    return 0;
}

int pieces_look_back(const struct pieces *pieces, struct pieces_shared *shared, uint64_t number, uint64_t own_quotes,
                     pieces_count_fn *count, void *context, bool *ret_in_quotes, struct flaw *ret_flaw)
{
    uint64_t first = pieces->first_of[pieces_at(pieces, number).file][0];
    bool in_quotes = false, is_odd = own_quotes & 1;
    tell(shared, number, OWN_EVEN, is_odd);         /* before the look back: others need not count it */
    for (uint64_t k = number; k-- > first;) {
        uint8_t what = what_of(shared, k);
        if (what >= ALL_EVEN) {
            in_quotes ^= what == ALL_ODD;
            break;
        }
        bool is_odd_there = what == OWN_ODD;
        int r = what == UNKNOWN ? count_there(pieces, shared, k, count, context, &is_odd_there, ret_flaw) : 0;
        if (r != 0)
            return r;
        in_quotes ^= is_odd_there;
    }
    tell(shared, number, ALL_EVEN, in_quotes ^ is_odd);
    *ret_in_quotes = in_quotes;
    return 0;
}
