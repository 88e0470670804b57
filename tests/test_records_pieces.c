/* records/run/pieces: files cut into pieces, and the quotes before each of them, by several workers at once. */
#include "harness.h"
#include "records/run/pieces.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 5 };

static struct source_file file[FILES];
static uint64_t first_of[FILES + 1][2];

/* An empty file, one of a piece and a bit, a stream, one of exactly two pieces, and one of a header alone. */
static struct pieces sample(void)
{
    static const uint64_t size[FILES] = { 10, 100 + PIECE_BYTES + 1, 0, 7 + 2 * PIECE_BYTES, 20 }, first[FILES] = { 10, 100, 0, 7, 20 };
    for (int f = 0; f < FILES; f++)
        file[f] = (struct source_file){ .size = size[f], .first = first[f], .is_stream = f == 2 };
    struct pieces p = { .n_files = FILES, .first_of = first_of, .file = file };
    p.n = pieces_count(file, FILES, first_of);
    return p;
}

START_TEST(pieces_cover_each_byte_behind_the_headers_once_and_in_order)
{
    struct pieces p = sample();
    ck_assert_uint_eq(p.n, 4);
    static const struct piece wanted[] = { { 1, 100, 100 + PIECE_BYTES, 100 }, { 1, 100 + PIECE_BYTES, 101 + PIECE_BYTES, 100 },
                                           { 3, 7, 7 + PIECE_BYTES, 7 }, { 3, 7 + PIECE_BYTES, 7 + 2 * PIECE_BYTES, 7 } };
    for (uint64_t k = 0; k < p.n; k++) {
        struct piece piece = pieces_at(&p, k);
        ck_assert_uint_eq(piece.file, wanted[k].file);
        ck_assert_uint_eq(piece.lo, wanted[k].lo);
        ck_assert_uint_eq(piece.hi, wanted[k].hi);
        ck_assert_uint_eq(piece.first, wanted[k].first);
    }
}
END_TEST

START_TEST(each_piece_is_taken_once_until_a_flaw_makes_those_behind_it_needless)
{
    uint64_t number;
    struct pieces_shared *shared = malloc(pieces_shared_size(100));
    pieces_shared_init(shared, 100);
    for (uint64_t k = 0; k < 50; k++) {
        ck_assert(pieces_take(shared, k % 3, &number));
        ck_assert_uint_eq(number, k);
    }
    pieces_stop_behind(shared, 60);
    pieces_stop_behind(shared, 55);
    pieces_stop_behind(shared, 70);
    for (uint64_t k = 50; k <= 55; k++)
        ck_assert(pieces_take(shared, 0, &number));
    ck_assert(!pieces_take(shared, 0, &number));
    ck_assert(!pieces_take(shared, 1, &number));
    free(shared);
}
END_TEST

START_TEST(what_a_worker_works_on_is_known_until_it_is_done)
{
    uint64_t number;
    struct pieces_shared *shared = malloc(pieces_shared_size(2));
    pieces_shared_init(shared, 2);
    ck_assert(pieces_take(shared, 7, &number) && shared->working[7] == 1);
    pieces_done(shared, 7, 10);
    ck_assert(shared->working[7] == 0 && shared->done_bytes == 10);
    pieces_stop(shared);
    ck_assert(!pieces_take(shared, 7, &number) && shared->working[7] == 0);
    free(shared);
}
END_TEST

/* ---- looking back -------------------------------------------------------------------------------------------------------- */

enum { PIECES = 3000, THREADS = 8 };
static uint64_t quotes[PIECES];
static bool begins_in[PIECES];

struct table {
    struct pieces pieces;
    struct pieces_shared *shared;
    uint64_t counted;               /* pieces that were counted in a look back */
    uint64_t wrong;
    uint64_t left_out;              /* each so many-th piece is taken by nobody, as by a worker that died; 0: none */
};

/* One file, after one without pieces: the look back must end at its begin. */
static struct table table_of(unsigned seed)
{
    static struct source_file two[2];
    static uint64_t firsts[3][2];
    two[0] = (struct source_file){ .size = 3, .first = 3 };
    two[1] = (struct source_file){ .size = (uint64_t)PIECES * PIECE_BYTES, .first = 0 };
    struct table t = { .pieces = { .n_files = 2, .first_of = firsts, .file = two } };
    t.pieces.n = pieces_count(two, 2, firsts);
    ck_assert_uint_eq(t.pieces.n, PIECES);
    t.shared = malloc(pieces_shared_size(PIECES));
    pieces_shared_init(t.shared, PIECES);
    srand(seed);
    for (int k = 0; k < PIECES; k++)
        quotes[k] = (unsigned)rand() % 5;
    for (int k = 1; k < PIECES; k++)
        begins_in[k] = begins_in[k - 1] ^ (quotes[k - 1] & 1);
    return t;
}

static int count(void *context, const struct piece *piece, uint64_t *ret_quotes, struct flaw *ret_flaw)
{
    struct table *t = context;
    (void)ret_flaw;
    (void)__atomic_fetch_add(&t->counted, 1, __ATOMIC_RELAXED);
    *ret_quotes = quotes[piece->lo / PIECE_BYTES];
    return 0;
}

static void *look(void *arg)
{
    struct table *t = arg;
    struct flaw flaw;
    uint64_t k;
    bool in_quotes;
    while (pieces_take(t->shared, 0, &k)) {
        if (t->left_out && k % t->left_out == t->left_out - 1)
            continue;
        if (pieces_look_back(&t->pieces, t->shared, k, quotes[k], count, t, &in_quotes, &flaw) != 0 || in_quotes != begins_in[k])
            (void)__atomic_fetch_add(&t->wrong, 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static void look_by(struct table *t, int n)
{
    pthread_t thread[THREADS];
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, look, t), 0);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
    ck_assert_uint_eq(t->wrong, 0);
}

START_TEST(a_piece_knows_whether_it_begins_in_quotes_whoever_took_those_before_it)
{
    for (unsigned seed = 0; seed < ROUNDS(50); seed++) {
        struct table t = table_of(seed);
        look_by(&t, 1 + (int)seed % THREADS);
        free(t.shared);
    }
}
END_TEST

START_TEST(one_worker_counts_nothing_twice)
{
    struct table t = table_of(1);
    look_by(&t, 1);
    ck_assert_uint_eq(t.counted, 0);
    free(t.shared);
}
END_TEST

START_TEST(pieces_of_a_worker_that_died_are_counted_by_those_that_come_behind)
{
    struct table t = table_of(2);
    t.left_out = 10;
    look_by(&t, THREADS);
    ck_assert_uint_ge(t.counted, PIECES / 10 - 1);
    free(t.shared);
}
END_TEST

START_TEST(looking_back_from_the_end_first_counts_all)
{
    struct table t = table_of(3);
    struct flaw flaw;
    bool in_quotes;
    ck_assert_int_eq(pieces_look_back(&t.pieces, t.shared, PIECES - 1, quotes[PIECES - 1], count, &t, &in_quotes, &flaw), 0);
    ck_assert(in_quotes == begins_in[PIECES - 1] && t.counted == PIECES - 1);
    for (uint64_t k = PIECES; k-- > 0;) {
        ck_assert_int_eq(pieces_look_back(&t.pieces, t.shared, k, quotes[k], count, &t, &in_quotes, &flaw), 0);
        ck_assert(in_quotes == begins_in[k]);
    }
    ck_assert_uint_eq(t.counted, PIECES - 1);
    free(t.shared);
}
END_TEST

static int refuse(void *context, const struct piece *piece, uint64_t *ret_quotes, struct flaw *ret_flaw)
{
    (void)context;
    *ret_quotes = 0;
    ret_flaw->kind = FLAW_READ;
    ret_flaw->at = place_of(piece->file, piece->lo);
    return FLAW_READ;
}

START_TEST(a_piece_that_cannot_be_counted_is_a_flaw)
{
    struct table t = table_of(4);
    struct flaw flaw = { 0 };
    bool in_quotes;
    ck_assert_int_eq(pieces_look_back(&t.pieces, t.shared, 5, 0, refuse, &t, &in_quotes, &flaw), FLAW_READ);
    ck_assert_uint_eq(flaw.at, place_of(1, 4 * (uint64_t)PIECE_BYTES));
    free(t.shared);
}
END_TEST

int main(int argc, char **argv)
{
    add_case(pieces_cover_each_byte_behind_the_headers_once_and_in_order);
    add_case(each_piece_is_taken_once_until_a_flaw_makes_those_behind_it_needless);
    add_case(what_a_worker_works_on_is_known_until_it_is_done);
    add_case(a_piece_knows_whether_it_begins_in_quotes_whoever_took_those_before_it);
    add_case(one_worker_counts_nothing_twice);
    add_case(pieces_of_a_worker_that_died_are_counted_by_those_that_come_behind);
    add_case(looking_back_from_the_end_first_counts_all);
    add_case(a_piece_that_cannot_be_counted_is_a_flaw);
    return run_cases(argc, argv);
}
