/* flaw.h - what is wrong with the input (and ends the job), and what is only odd (and is counted).
 *
 * Both are found by workers and told by the owner. Of several flaws the first in the input is told, so that all engines and any number
 * of workers say the same. */
#pragma once
#include "records/place.h"

#include <stdbool.h>
#include <stddef.h>

enum flaw_kind {            /* never 0 */
    FLAW_OPEN = 1,          /* it cannot be opened, or is a folder */
    FLAW_READ,              /* the system does not give it */
    FLAW_CHANGED,           /* not the file it was, or shorter */
    FLAW_PACKED,            /* damaged or truncated gzip or zstd */
    FLAW_QUOTE,             /* a quote where none may stand, or one that is never closed */
    FLAW_FIELDS,            /* too few or too many fields */
    FLAW_NUMBER,            /* a cell that is no number, where one is needed */
    FLAW_LONG,              /* a record longer than READER_LONGEST */
    FLAW_MEMORY             /* no memory for what was asked for */
};
struct flaw {
    int32_t kind;           /* 0: none */
    place at;
    uint64_t line;          /* from 1; 0: to be counted by reading the file again */
    char text[168];         /* what was expected, what was found */
};

/* Returns kind. */
int flaw_set(struct flaw *flaw, enum flaw_kind kind, place at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Text of the input for a message: at most 40 bytes of it, and no control characters. Returns buf. */
enum { FLAW_EXCERPT = 48 };
const char *flaw_excerpt(const char *text, size_t size, char buf[FLAW_EXCERPT]);

/* What is odd: how often, and where first. Merging is the same in any order. */
enum odd_kind {
    ODD_BLANK_LINE,         /* passed over (where there is more than one column) */
    ODD_SHORT_ROW,          /* lenient: the missing fields are missing values */
    ODD_LONG_ROW,           /* lenient: the fields beyond the last column are passed over */
    ODD_NOT_A_NUMBER,       /* lenient: text where a number is needed is a missing value */
    ODD_UNDEFINED,          /* x/0, sqrt(-1), ...: a missing value */
    ODD_CRLF,               /* a line that ends with \r\n */
    ODD_LAST_LINE,          /* the file does not end with a newline */
    ODDS_N
};
struct odd {
    uint64_t n;
    place first;            /* PLACE_NONE while n is 0 */
    uint64_t line;          /* of it, from 1; 0: to be counted by reading the file again */
};
struct odds { struct odd odd[ODDS_N]; };
void odds_init(struct odds *odds);
void odds_add(struct odds *odds, enum odd_kind kind, uint64_t n, place first);
void odds_merge(struct odds *into, const struct odds *from);
