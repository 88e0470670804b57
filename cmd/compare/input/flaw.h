/* flaw.h - what is wrong with a file of records, and at which byte.
 *
 * Found inside a task, told by the main thread: crosses as the code and the text of a failed run. */
#pragma once
#include <prong.h>
#include <stddef.h>
#include <stdint.h>

enum flaw_kind {        /* more than zero: what a function that found a flaw returns */
    FLAW_OPEN = 1,      /* it cannot be opened, or is no file */
    FLAW_QUOTE,         /* a quote character */
    FLAW_FIELDS,        /* too few or too many fields */
    FLAW_CELL,          /* no number in a chosen column */
    FLAW_LONG,          /* a row too long to hold */
    FLAW_CHANGED,       /* not the file it was, or shorter */
    FLAW_READ           /* the system does not give it */
};
struct flaw {
    int32_t kind;
    uint64_t at;        /* byte, counted from 0 at the start of the file */
    char text[168];     /* what was expected and what was found */
};

/* Returns kind. */
int flaw_set(struct flaw *flaw, enum flaw_kind kind, uint64_t at, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Inside a task: fails its run with this flaw; returns what the task has to return. */
int flaw_fail_run(const struct flaw *flaw);

/* Outside: the flaw that a run failed with. False: it ended otherwise. */
bool flaw_of_run(const prong_error *end, struct flaw *ret_flaw);

/* Text from a file for a message: at most 40 bytes of it, and no control characters. Returns buf. */
enum { FLAW_EXCERPT = 48 };
const char *flaw_excerpt(const char *text, const char *end, char buf[FLAW_EXCERPT]);
