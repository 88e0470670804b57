/* family.h - which processes, descriptors and mappings of a program there are, by what the kernel says.
 *
 * All processes of a program carry the token that was in its environment when it was executed, whoever their parent is by now. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TOKEN_NAME "PRONG_CAMPAIGN"
enum { FAMILY_MOST = 256 };

/* Those alive that carry NAME=token, `self` left out; how many there are, at most FAMILY_MOST written. */
size_t family_of(const char *token, pid_t self, pid_t ret_pids[FAMILY_MOST]);
/* One of the family with such a name; 0: none. */
pid_t family_member(const char *token, const char *comm);
void name_of(pid_t pid, char ret_comm[16]);
/* In words, for one that should not be there: its name, and what it waits for. */
void describe(pid_t pid, char *ret, size_t size);
/* The children of a process with one thread; as cheap as it can be had. */
size_t children_now(pid_t parent, pid_t *ret_pids, size_t most);

/* Shared memory made by prong that this process has mapped. */
unsigned mapped_segments(void);

/* Shared memory of prong, by its inodes: what a process has, mapped or open; and which processes have any of it. */
struct inodes { uint64_t of[512]; size_t n; };
void segments_of(pid_t pid, struct inodes *add_to);
/* How many of all processes on this machine; the first in words. */
size_t holders_of(const struct inodes *segments, char *ret_first, size_t size);
