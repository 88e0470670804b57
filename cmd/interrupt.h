/* interrupt.h - Ctrl-C: noted, told to whoever works, and answered by an orderly end with SAY_INTERRUPTED. */
#pragma once
#include <stdbool.h>

/* Before prong_init(): from now on SIGINT, SIGTERM and SIGHUP are noted; a second one ends the program at once. */
void interrupt_catch(void);

/* Any thread of this program, and any of its workers: tasks that take long ask it now and then, and give way. */
bool interrupt_came(void);
