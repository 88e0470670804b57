#include "owners.h"
#include "chance.h"
#include "family.h"
#include "history.h"
#include "proc.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LIFE_SHORT_MS = 12, LIFE_LONG_MS = 150 };

/* ---- files ---- */

/* Names in a folder, those without `text` left out. */
static size_t names_in(const char *path, const char *text, char *ret_first, size_t size)
{
    size_t n = 0;
    DIR *dir = opendir(path);
    if (!dir)
        return 0;
    for (struct dirent *d; (d = readdir(dir)) != NULL;)
        if (d->d_name[0] != '.' && strstr(d->d_name, text) && n++ == 0)
            (void)snprintf(ret_first, size, "%s/%.200s", path, d->d_name);
    (void)closedir(dir);
    return n;
}

/* ---- one owner ---- */

struct owner { pid_t pid; char token[64], folder[64]; size_t shared_files; };

/* Half of them kill workers of their own. These are not stopped before: one that is stopped while it is born cannot see its owner go. */
static _Noreturn void become_owner(const struct owners *o, const struct owner *me, uint64_t seed)
{
    char seed_text[32], workers[16];
    (void)snprintf(seed_text, sizeof seed_text, "%llu", (unsigned long long)seed);
    (void)snprintf(workers, sizeof workers, "%u", o->workers);
    (void)setenv(TOKEN_NAME, me->token, 1);
    (void)setenv("TMPDIR", me->folder, 1);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    (void)dup2(null, STDOUT_FILENO);
    (void)execl(o->program, o->program, "--kills", seed % 2 ? "1000000" : "0", "--no-stops", "--quiet", "--seed", seed_text,
                "--workers", workers, "--seconds", "600", (char *)NULL);
    _exit(127);
}

static bool start(const struct owners *o, struct owner *me, struct chance *c)
{
    char drop[256];
    (void)snprintf(me->token, sizeof me->token, "owner-%d-%llx", (int)getpid(), (unsigned long long)chance_next(c));
    (void)snprintf(me->folder, sizeof me->folder, "/tmp/prong-owner.XXXXXX");
    me->shared_files = names_in("/dev/shm", "prong", drop, sizeof drop);
    if (!mkdtemp(me->folder))
        return false;
    uint64_t seed = chance_next(c) >> 1;
    (void)fflush(NULL);
    me->pid = fork();
    if (me->pid == 0)
        become_owner(o, me, seed);
    return me->pid > 0;
}

/* Whatever the owner has, and those that came from it. */
static void note_segments(const struct owner *me, struct inodes *ret)
{
    pid_t pids[FAMILY_MOST];
    size_t n = family_of(me->token, me->pid, pids);
    segments_of(me->pid, ret);
    for (size_t i = 0; i < n && i < FAMILY_MOST; i++)
        segments_of(pids[i], ret);
}

static void await_the_end_of_all(const struct owners *o)
{
    char text[300];
    pid_t pids[8];
    if (reap_all((int)o->grace_ms) == 0)
        return;
    size_t n = children_of(getpid(), pids, 8);
    for (size_t i = 0; i < n && i < 8; i++) {
        describe(pids[i], text, sizeof text);
        complain(NULL, "a process is left %u ms after its owner: %s", o->grace_ms, text);
    }
    kill_all();
}

static void look_for_leftovers(const struct owner *me, const struct inodes *segments)
{
    pid_t pids[FAMILY_MOST];
    char first[256] = "";
    size_t n;
    if ((n = family_of(me->token, getpid(), pids)) > 0)
        complain(NULL, "%zu processes of a dead owner live under another parent: %d", n, (int)pids[0]);
    if ((n = holders_of(segments, first, sizeof first)) > 0)
        complain(NULL, "%zu processes hold shared memory of a dead owner: %s", n, first);
    if ((n = names_in(me->folder, "", first, sizeof first)) > 0)
        complain(NULL, "a dead owner has left %zu temporary files: %s", n, first);
    if ((n = names_in("/dev/shm", "prong", first, sizeof first)) > me->shared_files)
        complain(NULL, "a dead owner has left files in shared memory: %s", first);
}

static void live_a_while(struct chance *c)
{
    struct timespec life = { 0, (long)chance_below(c, (chance_below(c, 3) ? LIFE_LONG_MS : LIFE_SHORT_MS) * 1000) * 1000 };
    (void)nanosleep(&life, NULL);                /* a random instant, not an event */
}

/* Of four owners one goes with its zygote: then it is for each worker to see that nobody is left. Stopped, so that it does not see its
 * zygote go. */
static void kill_its_zygote(const struct owner *me)
{
    int status;
    (void)kill(me->pid, SIGSTOP);
    (void)waitpid(me->pid, &status, WUNTRACED);
    pid_t zygote = WIFSTOPPED(status) ? family_member(me->token, "prong-zygote") : 0;
    if (zygote)
        (void)kill(zygote, SIGKILL);
}

static bool kill_one(struct owners *o, struct chance *c)
{
    struct owner me;
    struct inodes segments = { .n = 0 };
    int status = 0;
    if (!start(o, &me, c)) {
        complain(NULL, "cannot start an owner: %s", strerror(errno));
        return false;
    }
    live_a_while(c);
    note_segments(&me, &segments);
    if (chance_below(c, 4) == 0)
        kill_its_zygote(&me);
    int64_t at = now_ns();
    (void)kill(me.pid, SIGKILL);                 /* our child, not reaped: still its own number */
    (void)waitpid(me.pid, &status, 0);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        complain(NULL, "an owner ended by itself, with %d, before it was killed", status);
    await_the_end_of_all(o);
    o->longest_ns = now_ns() - at > o->longest_ns ? now_ns() - at : o->longest_ns;
    look_for_leftovers(&me, &segments);
    o->with_segments += segments.n > 0;
    (void)rmdir(me.folder);
    return true;
}

/* Orphans become ours, so none can hide. */
void owners_kill(struct owners *o, int64_t deadline)
{
    struct chance c = { o->seed };
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    while (o->done < o->kills && now_ns() < deadline && kill_one(o, &c))
        o->done++;
}
