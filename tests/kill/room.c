#include "room.h"
#include "family.h"
#include "history.h"
#include "proc.h"
#include "sanitized.h"
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { OWN_THREADS = 1 + SANITIZED_THREAD, THREADS_MS = 10000, DYING_MS = 30000 };      /* that sanitizer has a thread of its own */

/* ---- descriptors, mappings, memory ---- */

static size_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        (void)!fscanf(f, "%*u %lu", &pages);
        (void)fclose(f);
    }
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

struct room room_now(void)
{
    (void)malloc_trim(0);
    return (struct room){ open_fds(), mapped_segments(), mallinfo2().uordblks, resident_bytes() };
}

void compare_rooms(const struct room *before, const struct room *after)
{
    if (after->fds > before->fds)                        /* fewer: the zygote has been killed */
        complain(NULL, "%u descriptors are open after the pool's end, %u before", after->fds, before->fds);
    if (after->segments != before->segments)
        complain(NULL, "%u mappings of shared memory after the pool's end, %u before", after->segments, before->segments);
    if (await_threads(OWN_THREADS, THREADS_MS) > OWN_THREADS)
        complain(NULL, "%u threads after the pool's end", live_threads());
}

struct room fullness_now(void) { return (struct room){ .fds = open_fds(), .segments = mapped_segments() }; }

/* What one killed worker leaves behind shows when two hundred have; an engine may keep some things ready. */
void compare_fullness(const struct room *first, const struct room *last, uint32_t workers)
{
    unsigned slack = 4 * workers + 8;
    if (last->fds > first->fds + slack)
        complain(NULL, "a pool gathers descriptors: %u open when it was new, %u after its kills", first->fds, last->fds);
    if (last->segments > first->segments + slack)
        complain(NULL, "a pool gathers shared memory: %u mappings when it was new, %u after its kills", first->segments, last->segments);
}

/* Bounds. Heap: malloc counts to the byte what is in use; between rounds that went up and down by 3 KiB (arenas, what threads keep of
 * them). If each of the 1,000 kills in the second half of the smallest campaign left the smallest block that there is, it would be 32 KiB.
 * Resident memory is coarser, as libc keeps arenas and the stacks of joined threads: 800 KiB were seen. One page for each of these kills,
 * such as a mapping that malloc knows nothing of, would be 4,000 KiB. */
enum { HEAP_BOUND = 16 << 10, RESIDENT_BOUND = 2 << 20 };

void compare_memory(const struct room *halfway, const struct room *after)
{
    if (SANITIZED)                                       /* sanitizers keep what is freed, and tell leaks themselves */
        return;
    if (after->heap > halfway->heap + HEAP_BOUND)
        complain(NULL, "the heap grows: %zu bytes in use after half of the rounds, %zu after all", halfway->heap, after->heap);
    if (after->resident > halfway->resident + RESIDENT_BOUND)
        complain(NULL, "memory grows: %zu bytes resident after half of the rounds, %zu after all", halfway->resident, after->resident);
}

/* ---- processes that are left ---- */

/* Dead workers are the zygote's to reap before it says that the pool is over; ours would be zygotes, and the engine buries them. One that
 * was killed when nobody looked any more lies there until the next pool is opened. */
static void look_for_zombies(pid_t parent, const char *what, size_t most)
{
    size_t n = zombies_of(parent);
    if (n > most)
        complain(NULL, "%s has %zu dead children that it has not reaped", what, n);
}

/* Workers that followed a dead zygote have been told to die by the kernel, and nobody waits for them: they may take a moment. */
void look_for_processes(const char *token, bool zygote_died)
{
    pid_t pids[FAMILY_MOST];
    size_t n = family_of(token, getpid(), pids);
    for (size_t i = 0; i < n && i < FAMILY_MOST; i++) {
        char name[16];
        name_of(pids[i], name);
        bool may_stay = strcmp(name, "prong-zygote") == 0 || strcmp(name, "prong-standby") == 0;
        if (may_stay)
            look_for_zombies(pids[i], name, 0);
        else if (zygote_died ? !await_death(pids[i], DYING_MS) : is_alive(pids[i]))
            complain(NULL, "process %d, %s, outlives its pool", (int)pids[i], name);
    }
    look_for_zombies(getpid(), "this program", zygote_died ? 1 : 0);
}
