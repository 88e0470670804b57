/* book.c - intents in one array; their texts in blocks that are never moved; two tables of 8 bytes an entry lead to them.
 *
 * uthash would do, at 56 bytes for each of the two tables: half as much again as all the rest of a charge. */
#include "standin/book.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    uint32_t hash, i;           /* i: BOOK_NONE: empty */
};
struct table {
    struct entry *entry;
    uint32_t n, mask;           /* at most half of mask + 1 are taken */
};
struct block {
    struct block *next;
    char text[64 * 1024 - sizeof(struct block *)];
};
struct book {
    struct intent *intent;
    uint32_t n, room;
    struct table keys, orders;
    struct block *blocks;
    size_t used;                /* of the first block */
    uint8_t secret[crypto_shorthash_KEYBYTES];
};

static uint32_t hash_of(const struct book *book, const char *text)
{
    uint64_t hash;
    _Static_assert(sizeof hash == crypto_shorthash_BYTES, "a hash of libsodium");
    (void)crypto_shorthash((uint8_t *)&hash, (const uint8_t *)text, strlen(text), book->secret);
    return (uint32_t)hash;
}

/* ---- tables ---- */

static int table_init(struct table *table, uint32_t size)
{
    table->entry = malloc(size * sizeof *table->entry);
    if (!table->entry)
        return -ENOMEM;
    memset(table->entry, 0xff, size * sizeof *table->entry);
    table->n = 0;
    table->mask = size - 1;
    return 0;
}

/* For another intent than those that are in. */
static void put(struct table *table, uint32_t hash, uint32_t i)
{
    uint32_t at = hash & table->mask;
    while (table->entry[at].i != BOOK_NONE)
        at = (at + 1) & table->mask;
    table->entry[at] = (struct entry){ hash, i };
    table->n++;
}

static int make_room(struct table *table)
{
    if (table->n < table->mask / 2)
        return 0;
    struct table wider;
    int r = table_init(&wider, (table->mask + 1) * 2);
    if (r < 0)
        return r;
    for (uint32_t at = 0; at <= table->mask; at++)
        if (table->entry[at].i != BOOK_NONE)
            put(&wider, table->entry[at].hash, table->entry[at].i);
    free(table->entry);
    *table = wider;
    return 0;
}

static struct entry *find(const struct book *book, const struct table *table, const char *text, size_t member)
{
    uint32_t hash = hash_of(book, text);
    for (uint32_t at = hash & table->mask; table->entry[at].i != BOOK_NONE; at = (at + 1) & table->mask) {
        const struct intent *intent = &book->intent[table->entry[at].i];
        if (table->entry[at].hash == hash && strcmp(*(const char *const *)((const char *)intent + member), text) == 0)
            return &table->entry[at];
    }
    return NULL;
}

/* ---- the book ---- */

int book_open(struct book **ret_book)
{
    struct book *book = calloc(1, sizeof *book);
    if (!book)
        return -ENOMEM;
    if (sodium_init() < 0) {
        free(book);
        return -ENOSYS;
    }
    randombytes_buf(book->secret, sizeof book->secret);
    if (table_init(&book->keys, 1024) < 0 || table_init(&book->orders, 1024) < 0) {
        book_close(book);
        return -ENOMEM;
    }
    *ret_book = book;
    return 0;
}

void book_close(struct book *book)
{
    if (!book)
        return;
    for (struct block *block = book->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(book->keys.entry);
    free(book->orders.entry);
    free(book->intent);
    free(book);
}

uint32_t book_count(const struct book *book)
{
    return book->n;
}

struct intent *book_intent(struct book *book, uint32_t i)
{
    return &book->intent[i];
}

static char *room_for(struct book *book, size_t size)
{
    if (!book->blocks || size > sizeof book->blocks->text - book->used) {
        struct block *block = malloc(sizeof *block);
        if (!block)
            return NULL;
        block->next = book->blocks;
        book->blocks = block;
        book->used = 0;
    }
    char *text = book->blocks->text + book->used;
    book->used += size;
    return text;
}

static const char *keep(char **at, const char *text)
{
    char *kept = *at;
    size_t size = strlen(text) + 1;
    memcpy(kept, text, size);
    *at += size;
    return kept;
}

int book_add(struct book *book, const struct intent *intent)
{
    if (book->n == book->room) {
        uint32_t room = book->room ? book->room * 2 : 1024;
        struct intent *wider = realloc(book->intent, room * sizeof *wider);
        if (!wider)
            return -ENOMEM;
        book->intent = wider;
        book->room = room;
    }
    char *text = room_for(book, strlen(intent->key) + strlen(intent->order) + strlen(intent->method) + 3);
    if (!text || make_room(&book->keys) < 0 || make_room(&book->orders) < 0)
        return -ENOMEM;
    struct intent *kept = &book->intent[book->n];
    *kept = *intent;
    kept->key = keep(&text, intent->key);
    kept->order = keep(&text, intent->order);
    kept->method = keep(&text, intent->method);
    kept->before = BOOK_NONE;
    if (*kept->key)
        put(&book->keys, hash_of(book, kept->key), book->n);
    struct entry *same = *kept->order ? find(book, &book->orders, kept->order, offsetof(struct intent, order)) : NULL;
    if (same) {
        kept->before = same->i;
        same->i = book->n;
    } else if (*kept->order)
        put(&book->orders, hash_of(book, kept->order), book->n);
    book->n++;
    return 0;
}

uint32_t book_by_key(const struct book *book, const char *key)
{
    const struct entry *entry = *key ? find(book, &book->keys, key, offsetof(struct intent, key)) : NULL;
    return entry ? entry->i : BOOK_NONE;
}

uint32_t book_by_order(const struct book *book, const char *order)
{
    const struct entry *entry = *order ? find(book, &book->orders, order, offsetof(struct intent, order)) : NULL;
    return entry ? entry->i : BOOK_NONE;
}

/* ---- ids ---- */

uint32_t book_next_salt(const struct book *book)
{
    uint64_t number = book->n, hash;
    (void)crypto_shorthash((uint8_t *)&hash, (const uint8_t *)&number, sizeof number, book->secret);
    return (uint32_t)hash;
}

void book_read_id(const char *id, uint32_t *ret_i, uint32_t *ret_salt)
{
    *ret_i = BOOK_NONE;
    if (strlen(id) != BOOK_ID_SIZE - 1 || memcmp(id, "pi_", 3) != 0 || strspn(id + 3, "0123456789abcdef") != 16)
        return;
    uint64_t both = strtoull(id + 3, NULL, 16);
    *ret_i = (uint32_t)(both >> 32);
    *ret_salt = (uint32_t)both;
}

uint32_t book_by_id(const struct book *book, const char *id)
{
    uint32_t i, salt;
    book_read_id(id, &i, &salt);
    return i < book->n && book->intent[i].salt == salt ? i : BOOK_NONE;
}

const char *book_write_id(uint32_t i, uint32_t salt, char buf[static BOOK_ID_SIZE])
{
    static const char figures[] = "0123456789abcdef";
    uint64_t both = (uint64_t)i << 32 | salt;
    memcpy(buf, "pi_", 3);
    for (int at = 18; at >= 3; at--, both >>= 4)
        buf[at] = figures[both & 15];
    buf[19] = '\0';
    return buf;
}
