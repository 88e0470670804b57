/* options.h - the options of a command: one table that is both read from the command line and shown by --help.
 *
 * No abbreviations: what was typed is an option or it is not. `--name VALUE` and `--name=VALUE` are the same. */
#pragma once
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,        /* into a bool */
    OPTION_TEXT,        /* into a const char *, which points into argv */
    OPTION_COUNT        /* into a uint32_t, from 1 to `most` */
};
struct option {
    const char *name;   /* "--runs"; an entry without one ends the table */
    const char *value;  /* what --help calls its value: "N"; NULL for a flag */
    enum option_kind kind;
    uint32_t most;
    void *ret_value;    /* left alone where the option is not given */
    const char *help;
};
struct command {
    const char *name;       /* "prong compare" */
    const char *summary;    /* one line */
    const char *more;       /* a paragraph or more for the end of --help; NULL: none */
};

/* SAY_OK; SAY_USAGE, said; or OPTIONS_SHOWN after `--help`, which every command knows. */
enum { OPTIONS_SHOWN = -1 };
int options_read(const struct command *command, const struct option options[], int argc, char *const argv[]);
