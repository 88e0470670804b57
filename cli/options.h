/* options.h - what a command is called and which options it takes: one table that the command line is read by, and that help, manual
 * pages and completions are made from.
 *
 * No abbreviations: what was typed is an option or it is not. `--name VALUE` and `--name=VALUE` are the same, but for a value that may
 * be left out: that one needs the `=`. A letter is `-n VALUE` or `-nVALUE`. Given twice, the last one holds, unless it is an OPTION_EACH.
 * Words that are no options may stand among them; behind `--` all are such words. Every command knows --help and -h.
 *
 * In texts `this` is a word to be typed; an empty line parts paragraphs; lines are broken where they are shown. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {
    OPTION_FLAG,            /* into a bool */
    OPTION_TEXT,            /* into a const char *, which points into argv */
    OPTION_FILE,            /* so, too, and the text names a file */
    OPTION_CHOICE,          /* so, too: one of `names`, checked */
    OPTION_LIST,            /* so, too: several of `names` with commas between, for list_choose() */
    OPTION_COUNT,           /* into a uint32_t, from 1 (from 0 if `zero`) to `most` */
    OPTION_MAYBE,           /* text (a file) whose value may be left out: then it is `bare_text` */
    OPTION_MAYBE_COUNT,     /* the same with a count and `bare_count` */
    OPTION_EACH             /* text, into a struct words: each time that it is given it adds one */
};
struct words {
    const char **word;      /* point into argv */
    size_t n;
};
struct option {
    const char *name;       /* "--runs"; an entry without one ends the table */
    const char *letter;     /* "-n", the same in short; NULL: none */
    const char *value;      /* what it is called: "N"; NULL for a flag */
    enum option_kind kind;
    uint32_t most;
    bool zero;              /* a count may be 0 */
    size_t at;              /* offsetof() where it is stored, which is left alone if the option is not given */
    const char *help;       /* a line or two */
    const char *more;       /* sentences that only the manual page has room for; NULL: none */
    const char *group;      /* the heading that begins with this option; NULL: it belongs to the one before */
    const char *(*names)(size_t i);     /* the i-th value that it may have; NULL behind the last */
    const char *bare_text;
    uint32_t bare_count;
};

/* "a line to be typed", "what it does"; and "0", "all is well". One without the first ends the list. */
struct explained {
    const char *what, *how;
};

/* A chapter of the manual page. list: the i-th thing, how it is typed and what it is; NULL behind the last. One without a heading ends them. */
struct section {
    const char *heading, *text;
    const char *(*list)(size_t i, const char **ret_form, const char **ret_help);
};

struct command {
    const char *name;                       /* "compare"; of the program: "prong" */
    const char *summary;                    /* a few words, without a full stop */
    const char *about;                      /* paragraphs, for the beginning of --help; NULL: the summary says all */
    const char *more;                       /* paragraphs, for the end of --help */
    const struct option *options;           /* NULL: it takes a word or two of its own, reads them itself, and has no manual page */
    const struct explained *exits, *environment, *examples;     /* may be NULL */
    const struct section *sections;         /* may be NULL; --help shows their lists in short */
    const struct command *const *commands;  /* below it: of the program, "compare"; of records, "records gen"; NULL ends them */
    const char *words;                      /* what it takes beside options: "FILE..." (shells complete these), "SKU=N..."; NULL: nothing */
    size_t words_at;                        /* offsetof() the struct words for them */
    int (*run)(int argc, char *const argv[]);   /* argv[0] is the command's name; gives the exit status */
};

/* Reads argv[1] and so on into `request`. SAY_OK; SAY_USAGE, said; or OPTIONS_SHOWN after --help. */
enum { OPTIONS_SHOWN = -1 };
int options_read(const struct command *command, void *request, int argc, char *const argv[]);
/* The same, and sets ret_given[i] for each option_of(command, i) that was there. */
int options_read_given(const struct command *command, void *request, int argc, char *const argv[], bool ret_given[]);
void words_free(struct words *words);       /* also zeroed ones */

/* What --help shows. */
void options_show(const struct command *command);

/* The options of the command and --help, which is in no table; NULL behind the last. */
const struct option *option_of(const struct command *command, size_t i);
/* It has a value behind the name: one that must be there, not one that may. */
int option_takes_word(const struct option *option);
/* "--runs N", "--wait-quiet[=S]", "--json"; returns buf. */
const char *option_form(const struct option *option, char *buf, size_t size);
