#include "killer.h"
#include "chance.h"
#include "family.h"
#include "history.h"
#include "proc.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_SHORT_US = 300, PAUSE_LONG_US = 4000, STOPPED_US = 1500, TAKE_OVER_MS = 30000, CHILDREN_MOST = 128 };

static void pause_up_to(struct chance *c, uint32_t us)
{
    struct timespec pause = { 0, (long)chance_below(c, us) * 1000 };
    (void)nanosleep(&pause, NULL);                     /* a random instant, not an event */
}

/* By a pidfd, with `is_it` asked once that is held: a number alone may be a stranger's by now. */
static bool kill_it(const struct killer *k, struct chance *c, pid_t pid, bool (*is_it)(pid_t pid, pid_t parent), pid_t parent)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return false;
    bool well = is_it(pid, parent);
    if (well && k->stops && chance_below(c, 4) == 0) {
        (void)syscall(SYS_pidfd_send_signal, fd, SIGSTOP, NULL, 0);
        pause_up_to(c, STOPPED_US);
    }
    well = well && syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) == 0;
    (void)close(fd);
    return well;
}

static bool is_child(pid_t pid, pid_t parent)
{
    pid_t pids[CHILDREN_MOST];
    size_t n = children_now(parent, pids, CHILDREN_MOST);
    for (size_t i = 0; i < n; i++)
        if (pids[i] == pid)
            return is_alive(pid);
    return false;
}

static bool is_alive_still(pid_t pid, pid_t parent)
{
    (void)parent;
    return is_alive(pid);
}

static bool kill_worker(struct killer *k, struct chance *c, pid_t zygote)
{
    pid_t pids[CHILDREN_MOST];
    size_t n = zygote ? children_now(zygote, pids, CHILDREN_MOST) : 0;
    if (n == 0)
        return false;
    pid_t pid = pids[chance_below(c, (uint32_t)n)];
    char name[16];
    name_of(pid, name);
    if (strcmp(name, "prong-standby") == 0)
        return false;
    kill_begins(pid);
    bool well = kill_it(k, c, pid, is_child, zygote);
    kill_done(pid);
    k->workers += well;
    return well;
}

/* Returns when it is dead, so that it is not taken for the next. */
static bool kill_one(struct killer *k, struct chance *c, const char *comm, _Atomic uint32_t *count)
{
    pid_t pid = family_member(k->token, comm);
    if (!pid)
        return false;
    if (count == &k->zygotes)
        kill_note_zygote();
    if (!kill_it(k, c, pid, is_alive_still, 0) || !await_death(pid, TAKE_OVER_MS))
        return false;
    if (count == &k->zygotes)
        kill_note_zygote();
    ++*count;
    return true;
}

/* Waits for both to be there, whoever wants an end meanwhile: that they come is part of what is judged. */
static bool both_are_there(const struct killer *k, struct chance *c)
{
    int64_t limit = now_ns() + (int64_t)TAKE_OVER_MS * 1000000;
    while (!family_member(k->token, "prong-zygote") || !family_member(k->token, "prong-standby")) {
        if (now_ns() > limit) {
            complain(NULL, "no zygote with a stand-by %d ms after a kill", TAKE_OVER_MS);
            return false;
        }
        pause_up_to(c, PAUSE_LONG_US);
    }
    return true;
}

/* Until a task has begun since the last kill: where the machine is so busy that workers are killed faster than they can be born, a pool
 * gives up, and is right. Who is killed may still be somebody who is being born. */
static void await_life(const struct killer *k, struct chance *c, uint32_t *seen)
{
    while (atomic_load(&place->begun) == *seen && !atomic_load(&k->stop))
        pause_up_to(c, PAUSE_SHORT_US);
    *seen = atomic_load(&place->begun);
}

/* Without a stand-by the zygote goes last, as the pool goes with it. */
static unsigned pick(const struct killer *k, struct chance *c)
{
    bool last = k->kills + 1 == k->wanted, now = chance_below(c, 4) == 0 || !(k->who & KILL_WORKERS);
    if (!k->takes_over)
        return (k->who & KILL_ZYGOTE) && last ? KILL_ZYGOTE : KILL_WORKERS;
    if (!now)
        return KILL_WORKERS;
    return (k->who & KILL_ZYGOTE) && (!(k->who & KILL_STANDBY) || chance_below(c, 2)) ? KILL_ZYGOTE : KILL_STANDBY;
}

static void *killer_main(void *arg)
{
    struct killer *k = arg;
    struct chance c = { k->seed };
    pid_t zygote = family_member(k->token, "prong-zygote");
    uint32_t seen = atomic_load(&place->begun) - 1;
    while (!atomic_load(&k->stop) && k->kills < k->wanted) {
        bool well = false;
        await_life(k, &c, &seen);
        pause_up_to(&c, chance_below(&c, 2) ? PAUSE_SHORT_US : PAUSE_LONG_US);
        unsigned what = pick(k, &c);
        if (what == KILL_WORKERS)
            well = kill_worker(k, &c, zygote);
        else if (!k->takes_over || both_are_there(k, &c))
            well = what == KILL_ZYGOTE ? kill_one(k, &c, "prong-zygote", &k->zygotes) : kill_one(k, &c, "prong-standby", &k->standbys);
        else
            break;
        k->kills += well;
        if (what != KILL_WORKERS && k->takes_over && both_are_there(k, &c))
            zygote = family_member(k->token, "prong-zygote");
    }
    if (k->wanted > 0)
        (void)sem_post(k->over);
    return NULL;
}

void killer_start(struct killer *k)
{
    if (pthread_create(&k->thread, NULL, killer_main, k) != 0)
        abort();
}

void killer_stop(struct killer *k)
{
    atomic_store(&k->stop, true);
    (void)pthread_join(k->thread, NULL);
}
