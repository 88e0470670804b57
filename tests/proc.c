#include "proc.h"
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static unsigned count_entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned n = 0;
    if (!dir)
        return 0;
    for (struct dirent *d; (d = readdir(dir)) != NULL;)
        n += d->d_name[0] != '.';
    (void)closedir(dir);
    return n;
}

unsigned open_fds(void) { return count_entries("/proc/self/fd") - 1; }
unsigned live_threads(void) { return count_entries("/proc/self/task"); }

unsigned await_threads(unsigned most, int limit_ms)
{
    int64_t deadline = now_ms() + limit_ms;
    unsigned n;
    while ((n = live_threads()) > most && now_ms() < deadline)
        (void)sched_yield();
    return n;
}

struct stat_line { char state; pid_t parent; };

/* The name in the second field may hold anything, but the last parenthesis closes it. */
static bool read_stat(pid_t pid, struct stat_line *ret)
{
    char path[64], text[512];
    int parent;
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t n = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    text[n] = '\0';
    const char *behind_name = strrchr(text, ')');
    if (!behind_name || sscanf(behind_name + 1, " %c %d", &ret->state, &parent) != 2)
        return false;
    ret->parent = parent;
    return true;
}

static size_t matching(pid_t parent, char state, pid_t *ret_pids, size_t most)
{
    DIR *dir = opendir("/proc");
    size_t n = 0;
    if (!dir)
        return 0;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        struct stat_line s;
        pid_t pid = (pid_t)atoi(d->d_name);
        if (pid <= 0 || !read_stat(pid, &s) || s.parent != parent || (state && s.state != state))
            continue;
        if (n < most)
            ret_pids[n] = pid;
        n++;
    }
    (void)closedir(dir);
    return n;
}

size_t children_of(pid_t parent, pid_t *ret_pids, size_t most) { return matching(parent, 0, ret_pids, most); }
size_t zombies_of(pid_t parent) { return matching(parent, 'Z', NULL, 0); }

size_t descendants_of(pid_t ancestor, pid_t *ret_pids, size_t most)
{
    size_t n = children_of(ancestor, ret_pids, most);
    for (size_t i = 0; i < n && i < most; i++)
        n += children_of(ret_pids[i], ret_pids + (n < most ? n : most), n < most ? most - n : 0);
    return n;
}

char state_of(pid_t pid)
{
    struct stat_line s;
    return read_stat(pid, &s) ? s.state : '\0';
}

bool is_alive(pid_t pid)
{
    char state = state_of(pid);
    return state != '\0' && state != 'Z' && state != 'X';
}

/* A pidfd becomes readable when its process has ended, reaped or not. */
bool await_death(pid_t pid, int limit_ms)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0)
        return errno == ESRCH || !is_alive(pid);
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int64_t deadline = now_ms() + limit_ms;
    int r;
    do {
        int64_t left = deadline - now_ms();
        r = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (r < 0 && errno == EINTR);
    (void)close(fd);
    return r == 1;
}

size_t reap_all(int limit_ms)
{
    int64_t deadline = now_ms() + limit_ms;
    for (;;) {
        pid_t pids[64], r = waitpid(-1, NULL, WNOHANG | __WALL);
        if (r > 0 || (r < 0 && errno == EINTR))
            continue;
        if (r < 0)
            return 0;
        size_t n = children_of(getpid(), pids, 64);
        int64_t left = deadline - now_ms();
        if (n > 0 && !await_death(pids[0], left > 0 ? (int)left : 0))
            return n;
    }
}

void kill_all(void)
{
    do {
        pid_t pids[64];
        size_t n = children_of(getpid(), pids, 64);
        for (size_t i = 0; i < n && i < 64; i++)
            (void)kill(pids[i], SIGKILL);
    } while (reap_all(1000) > 0);
}
