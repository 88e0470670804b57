/* completion.h - what shells need to complete a command line, from the tables that it is read by. */
#pragma once
#include "options.h"

/* Whole files: for bash-completion's folder, for zsh's site-functions (_prong for `prong`), for fish's vendor_completions.d. */
void completion_write_bash(const struct command *program, FILE *to);
void completion_write_zsh(const struct command *program, FILE *to);
void completion_write_fish(const struct command *program, FILE *to);
