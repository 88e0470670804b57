/* interrupt.h - Ctrl-C: noted, told to whoever works, and answered by an orderly end with SAY_INTERRUPTED. */
#pragma once
#include <stdbool.h>

/* Once, before prong_init(), so that workers see what is noted: from now on SIGINT, SIGTERM and SIGHUP are noted, unless whoever
 * started the program has them ignored (nohup; a job in the background). A second one ends the program at once, unless it comes within
 * a fifth of a second. System calls that wait end with EINTR. Writing where nobody reads any more is an error like others (EPIPE) and no longer the end.
 *
 * Workers of the library have default handlers. A child that is forked otherwise and does not exec must set SIGINT, SIGTERM, SIGHUP
 * and SIGPIPE to SIG_DFL itself; exec does. One in the program's process group gets a terminal's Ctrl-C, too. */
void interrupt_catch(void);

/* Any thread of this program, and any of its workers: tasks that take long ask it now and then, and give way. The price of a load. */
bool interrupt_came(void);

/* The exit status that tells which signal it was, 128 and its number: 130 for Ctrl-C; 0: none came. */
int interrupt_status(void);
