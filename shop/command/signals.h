/* signals.h - for commands that run until they are told to end. */
#pragma once

/* Until their loop watches them, SIGINT and SIGTERM end the program at once, which is safe at any instant; SIGHUP, when the terminal goes
 * away, is SIGTERM. What is ignored (nohup) stays so. */
void signals_end(void);
