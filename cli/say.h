/* say.h - everything that the program tells people beside its results: on standard error, never on standard output.
 *
 * For the main thread. An error is two lines: what and where, then a hint that works. After an interrupt nothing is told but that:
 * whatever then fails, fails because of it. */
#pragma once

/* The program's name, in front of what it says and in what it shows of itself: "prong" unless program_main() is told of another. */
extern const char *say_name;
/* What it means that it was interrupted: "nothing was measured to the end" unless a command says otherwise. */
extern const char *say_unfinished;
/* Where what is wrong was found, such as "shop.conf:7": stands in front of every error until it is NULL again, as it is at first. */
extern const char *say_place;

/* The exit status of the program; functions of cmd/ that return a status have said why. */
enum {
    SAY_OK = 0,
    SAY_WRONG = 1,        /* a run failed, or results disagree */
    SAY_USAGE = 2,
    SAY_MISSING = 3,      /* this machine has not got what it takes */
    SAY_BAD_INPUT = 4,
    SAY_READER_GONE = 141,/* nobody reads the results any more: what a shell shows for a program that SIGPIPE ended; nothing is said */
    SAY_INTERRUPTED = 130 /* by Ctrl-C; main() makes the customary number of another signal from it */
};

/* "prong: ..." and a newline; returns `status`, so that a caller can end with it; after an interrupt SAY_INTERRUPTED. */
int say_error(int status, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void say_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One line that the next call of any function here replaces; nothing where standard error is no terminal. */
void say_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_progress_end(void);

/* The one line that an interrupted program ends with; gives the status that tells which signal it was. */
int say_interrupted(void);
