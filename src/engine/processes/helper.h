/* helper.h - starts the program that becomes the zygote of a host which cannot fork one itself, as it has threads, or too much memory. */
#pragma once

/* The arguments of the helper: a copy of these, and one more, the descriptor it is to speak over. In one piece, to be freed; NULL: no
 * memory. */
char **pn_helper_arguments(char *const argv[]);

/* Starts it, and waits until it has said something over `control`, whose other end is `theirs`, which is closed in any case; `owner` is a
 * pidfd of this process. The helper is a child of none of this process's threads (init has it, or whoever stands in for it), and has no
 * descriptor of the host but 1, 2 and its channel. Any thread, whatever the others do. 0 with its pidfd; or an errno with words: -ENOENT
 * and -EACCES as execvp, -EPIPE: it ended, or hung up, before it said anything; -ETIMEDOUT: it did neither for ten seconds. It is gone
 * then. */
int pn_helper_start(char *const argv[], int control, int theirs, int owner, int *ret_pidfd);
