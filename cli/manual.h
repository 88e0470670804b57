/* manual.h - manual pages, from the tables that the command line is read by. */
#pragma once
#include "options.h"

/* In the man(7) language: prong(1) for the program `prong` itself, prong-NAME(1) for one of its commands. The same for every run of one
 * version. */
void manual_write(const struct command *program, const struct command *command, FILE *to);
