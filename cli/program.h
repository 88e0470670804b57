/* program.h - what every program around a table of commands does alike: finds the command and hands over, tells its version, prints what
 * packages are made of, and sees to it that what was printed is written. */
#pragma once
#include "options.h"

#include <stdbool.h>

/* The options of the program itself: its table fills this in. */
struct program_request {
    bool version;
    const char *generate;       /* "bash", "zsh", "fish", "man-" and the name of the program or of one of its commands */
};

/* Once, from main(): everything that is said and shown bears this program's name. argv is main's; gives the exit status. A command that
 * ended with SAY_INTERRUPTED has said nothing yet. */
int program_main(const struct command *program, int argc, char *const argv[]);

/* The run() of the command "help" of that program. */
int program_help(int argc, char *const argv[]);
