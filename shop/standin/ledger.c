/* ledger.c - appends lines; reads them back with jansson. */
#include "standin/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *const events[] = {
    [INTENT_PAID] = "charge", [INTENT_DECLINED] = "decline", [INTENT_ACTION] = "action", [INTENT_CANCELLED] = "cancel",
};

/* An intent that is told for the first time, or the end of one that is in the book. */
static int take(struct book *book, enum intent_state state, const char *id, const char *currency, struct intent *intent)
{
    uint32_t i;
    book_read_id(id, &i, &intent->salt);
    if (state == INTENT_CANCELLED) {
        i = book_by_id(book, id);
        if (i == BOOK_NONE)
            return -EINVAL;
        book_intent(book, i)->state = INTENT_CANCELLED;
        return 0;
    }
    if (i != book_count(book) || strlen(currency) != 3)
        return -EINVAL;
    memcpy(intent->currency, currency, sizeof intent->currency);
    intent->state = intent->first = (uint8_t)state;
    return book_add(book, intent);
}

static int read_line(struct book *book, const char *line, size_t size)
{
    struct intent intent = { .amount = 0 };
    const char *event, *id, *currency;
    json_int_t amount, at_ms;
    json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    int r = -EINVAL;
    if (json_unpack(root, "{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:I}", "event", &event, "intent", &id, "key", &intent.key, "order",
                    &intent.order, "amount", &amount, "currency", &currency, "method", &intent.method, "at_ms", &at_ms) == 0) {
        intent.amount = amount;
        intent.at_ms = at_ms;
        for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
            if (strcmp(event, events[i]) == 0)
                r = take(book, (enum intent_state)i, id, currency, &intent);
    }
    json_decref(root);
    return r;
}

static int read_all(struct ledger *ledger, struct book *book, uint64_t *ret_line)
{
    int fd = fcntl(ledger->fd, F_DUPFD_CLOEXEC, 0);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
    if (!file) {
        int r = -errno;
        if (fd >= 0)
            (void)close(fd);
        return r;
    }
    char *line = NULL;
    size_t room = 0;
    int r = 0;
    for (*ret_line = 1; r == 0; ++*ret_line) {
        ssize_t size = getline(&line, &room, file);
        if (size < 0 || line[size - 1] != '\n')
            break;
        r = read_line(book, line, (size_t)size);
        if (r < 0)
            break;
        ledger->size += (uint64_t)size;
    }
    if (ferror(file))
        r = -EIO;
    free(line);
    fclose(file);
    return r;
}

int ledger_open(struct ledger *ledger, const char *path, struct book *book, uint64_t *ret_line)
{
    ledger->size = 0;
    ledger->fd = path ? open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : memfd_create("prong-shop-ledger", MFD_CLOEXEC);
    if (ledger->fd < 0)
        return -errno;
    int r = path ? read_all(ledger, book, ret_line) : 0;
    if (r == 0 && path && ftruncate(ledger->fd, (off_t)ledger->size) < 0)
        r = -errno;
    if (r < 0)
        ledger_close(ledger);
    return r;
}

void ledger_close(struct ledger *ledger)
{
    (void)close(ledger->fd);
}

int ledger_write(struct ledger *ledger, const char *event, const struct intent *intent, uint32_t i, int64_t at_ms)
{
    char line[2048], id[BOOK_ID_SIZE];
    int size = snprintf(line, sizeof line,
                        "{\"event\":\"%s\",\"intent\":\"%s\",\"key\":\"%s\",\"order\":\"%s\",\"amount\":%" PRId64 ",\"currency\":\"%s\","
                        "\"method\":\"%s\",\"at_ms\":%" PRId64 "}\n",
                        event, book_write_id(i, intent->salt, id), intent->key, intent->order, intent->amount, intent->currency,
                        intent->method, at_ms);
    if (size < 0 || size >= (int)sizeof line)
        return -EINVAL;
    ssize_t n = write(ledger->fd, line, (size_t)size);
    if (n == size) {
        ledger->size += (uint64_t)size;
        return 0;
    }
    int r = n < 0 ? -errno : -ENOSPC;
    (void)!ftruncate(ledger->fd, (off_t)ledger->size);     /* a full disk may have taken half of it */
    return r;
}
