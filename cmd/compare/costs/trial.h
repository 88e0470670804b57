/* trial.h - a program of its own in which something is tried that would spoil this one: it may crash, or must be fresh.
 *
 * The program is prong itself, called with a hidden command: `prong trial COST ENGINE`. It prints one line, and says nothing else. */
#pragma once
#include "compare/costs/series.h"

enum { TRIAL_LINE = 256 };

/* Runs it to its end. 0: ret_line is what it printed, without the newline; empty if it died before. Negative: it could not be run, did not end
 * in time, or said why it cannot. */
int trial_run(const char *cost, const char *engine, char ret_line[TRIAL_LINE], char ret_why[WHY_SIZE]);

/* The hidden command. argv[0] is its name. */
int trial_main(int argc, char *const argv[]);

/* For the program that is tried: says why it cannot. */
void trial_say_why(const char *why);
