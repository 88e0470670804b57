/* server.h - a process of our own that answers a while after it was asked: what `wait` waits for.
 *
 * It speaks TCP on 127.0.0.1, in lines: a number of at most nine digits; 20 ms later its square. One question at a time on a connection,
 * on as many connections as it has descriptors for. Who says anything else is hung up on. */
#pragma once
#include <stdint.h>

enum { SERVER_DELAY_MS = 20 };

/* From a process with one thread, whose child it becomes, and which it does not outlive. SAY_OK, or the exit status, said. */
int server_start(uint16_t *ret_port, int *ret_pid);

/* Ends and reaps it. 0: there is none. */
void server_stop(int pid);
