/* pieces.h - regular files, cut into pieces that workers take, and whether each piece begins inside quotes.
 *
 *   pieces of a file    | first .. | 1 MiB .. | 1 MiB .. |      a row belongs to the piece in which it begins
 *
 * A piece begins inside quotes if the pieces before it in its file hold an odd number of them. Nobody waits to be told: who takes a piece
 * looks back from one to the next (D. Merrill and M. Garland, "Single-pass Parallel Prefix Scan with Decoupled Look-back" (2016)) and
 * counts the quotes of those that nobody has counted yet himself. So a worker that is slow or dies holds up nobody.
 *
 * Plain memory that all workers see: the description is read alone once it is made, the shared part is written by all. */
#pragma once
#include "records/flaw.h"
#include "records/source/source.h"

enum { PIECE_BYTES = 1 << 20, PIECES_WORKERS = 4096 };

struct pieces {
    uint32_t n_files;
    uint64_t n;                         /* in all */
    uint64_t (*first_of)[2];            /* of each file: its first piece, and where its first row begins; one entry more ends the list */
    const struct source_file *file;     /* those that are streams have no pieces */
};
struct piece {
    uint32_t file;
    uint64_t lo, hi;
    uint64_t first;                     /* where the first row of the file begins */
};

/* How many there are; ret_first_of has room for n_files + 1. */
uint64_t pieces_count(const struct source_file *file, uint32_t n_files, uint64_t (*ret_first_of)[2]);
struct piece pieces_at(const struct pieces *pieces, uint64_t number);

/* What all workers write. Each is a word by itself; nothing else is told by it, so relaxed order is enough everywhere: what is counted in a
 * piece follows from the file, and is the same whoever counts it. */
struct pieces_shared {
    uint64_t next;                      /* the piece to be taken next */
    uint64_t end;                       /* pieces from here on need not be done: a flaw was found before them */
    uint64_t done_bytes;                /* for progress */
    uint64_t working[PIECES_WORKERS];   /* what worker w works on: its piece and 1; 0: none */
    uint8_t quotes[];                   /* of each piece: enum in pieces.c */
};
size_t pieces_shared_size(uint64_t n);
void pieces_shared_init(struct pieces_shared *shared, uint64_t n);

/* The next piece for worker w. False: none is left. */
bool pieces_take(struct pieces_shared *shared, uint32_t w, uint64_t *ret_number);
void pieces_done(struct pieces_shared *shared, uint32_t w, uint64_t bytes);
/* A flaw was found in this piece: those behind it are not needed any more. */
void pieces_stop_behind(struct pieces_shared *shared, uint64_t number);
void pieces_stop(struct pieces_shared *shared);     /* nor is any other */

/* How many quotes a piece holds. 0 or a flaw. */
typedef int pieces_count_fn(void *context, const struct piece *piece, uint64_t *ret_quotes, struct flaw *ret_flaw);
/* Piece `number`, of which `own_quotes` were counted, begins inside quotes. `count` is called for pieces that nobody has counted. 0 or a
 * flaw. */
int pieces_look_back(const struct pieces *pieces, struct pieces_shared *shared, uint64_t number, uint64_t own_quotes,
                     pieces_count_fn *count, void *context, bool *ret_in_quotes, struct flaw *ret_flaw);
