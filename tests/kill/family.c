#include "family.h"
#include "proc.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t read_all(const char *path, char *ret, size_t size)
{
    size_t got = 0;
    ssize_t r;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    while (got < size && (r = read(fd, ret + got, size - got)) > 0)
        got += (size_t)r;
    (void)close(fd);
    return got;
}

static bool holds(const char *path, const char *text)
{
    static _Thread_local char all[1 << 16];
    size_t got = read_all(path, all, sizeof all);
    return memmem(all, got, text, strlen(text)) != NULL;
}

/* Every process there is; stops when `each` returns false. */
static void every_process(bool (*each)(pid_t pid, void *arg), void *arg)
{
    DIR *dir = opendir("/proc");
    if (!dir)
        return;
    for (struct dirent *d; (d = readdir(dir)) != NULL;)
        if (atoi(d->d_name) > 0 && !each((pid_t)atoi(d->d_name), arg))
            break;
    (void)closedir(dir);
}

/* ---- processes ---- */

struct search { char text[128]; pid_t self, *pids; size_t n; };

static bool is_of_family(pid_t pid, void *arg)
{
    struct search *s = arg;
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    if (pid == s->self || !holds(path, s->text) || !is_alive(pid))
        return true;
    if (s->n < FAMILY_MOST)
        s->pids[s->n] = pid;
    s->n++;
    return true;
}

size_t family_of(const char *token, pid_t self, pid_t ret_pids[FAMILY_MOST])
{
    struct search s = { .self = self, .pids = ret_pids };
    (void)snprintf(s.text, sizeof s.text, TOKEN_NAME "=%s", token);
    every_process(is_of_family, &s);
    return s.n;
}

static void read_line(pid_t pid, const char *what, char *ret, size_t size)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    ret[read_all(path, ret, size - 1)] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
}

void name_of(pid_t pid, char ret_comm[16]) { read_line(pid, "comm", ret_comm, 16); }

void describe(pid_t pid, char *ret, size_t size)
{
    char comm[16], sleeps_in[64], call[128];
    name_of(pid, comm);
    read_line(pid, "wchan", sleeps_in, sizeof sleeps_in);
    read_line(pid, "syscall", call, sizeof call);
    (void)snprintf(ret, size, "%d, %s, state %c, in %s, system call %s, %zu children", (int)pid, comm, state_of(pid), sleeps_in, call,
                   children_of(pid, NULL, 0));
}

static pid_t parent_of(pid_t pid)
{
    char line[512];
    int parent = 0;
    read_line(pid, "stat", line, sizeof line);
    const char *behind_name = strrchr(line, ')');
    return behind_name && sscanf(behind_name + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* One that is just being born is called like its parent. */
static bool is_called(pid_t pid, const char *comm)
{
    char name[16], parent[16];
    name_of(pid, name);
    name_of(parent_of(pid), parent);
    return strcmp(name, comm) == 0 && strcmp(parent, comm) != 0;
}

pid_t family_member(const char *token, const char *comm)
{
    pid_t pids[FAMILY_MOST];
    size_t n = family_of(token, getpid(), pids);
    for (size_t i = 0; i < n && i < FAMILY_MOST; i++)
        if (is_called(pids[i], comm))
            return pids[i];
    return 0;
}

size_t children_now(pid_t parent, pid_t *ret_pids, size_t most)
{
    char path[64];
    size_t n = 0;
    int pid;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *f = fopen(path, "re");
    if (!f)
        return is_alive(parent) ? children_of(parent, ret_pids, most) : 0;
    while (n < most && fscanf(f, "%d", &pid) == 1)
        ret_pids[n++] = pid;
    (void)fclose(f);
    return n;
}

/* ---- shared memory ---- */

static void every_mapping(pid_t pid, void (*each)(uint64_t inode, void *arg), void *arg)
{
    char path[64], line[512];
    unsigned long long inode;
    (void)snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return;
    while (fgets(line, sizeof line, f))
        if (strstr(line, "memfd:prong") && sscanf(line, "%*s %*s %*s %*s %llu", &inode) == 1)
            each(inode, arg);
    (void)fclose(f);
}

static void every_open(pid_t pid, void (*each)(uint64_t inode, void *arg), void *arg)
{
    char path[64], target[256];
    (void)snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        struct stat st;
        ssize_t got = readlinkat(dirfd(dir), d->d_name, target, sizeof target - 1);
        target[got > 0 ? got : 0] = '\0';
        if (strstr(target, "memfd:prong") && fstatat(dirfd(dir), d->d_name, &st, 0) == 0)
            each(st.st_ino, arg);
    }
    (void)closedir(dir);
}

static void count(uint64_t inode, void *arg)
{
    (void)inode;
    ++*(unsigned *)arg;
}

unsigned mapped_segments(void)
{
    unsigned n = 0;
    every_mapping(getpid(), count, &n);
    return n;
}

static bool has(const struct inodes *all, uint64_t inode)
{
    for (size_t i = 0; i < all->n; i++)
        if (all->of[i] == inode)
            return true;
    return false;
}

static void add(uint64_t inode, void *arg)
{
    struct inodes *all = arg;
    if (!has(all, inode) && all->n < sizeof all->of / sizeof *all->of)
        all->of[all->n++] = inode;
}

void segments_of(pid_t pid, struct inodes *add_to)
{
    every_mapping(pid, add, add_to);
    every_open(pid, add, add_to);
}

struct hold { const struct inodes *segments; bool found; size_t n; char *first; size_t size; };

static void compare(uint64_t inode, void *arg)
{
    struct hold *h = arg;
    h->found |= has(h->segments, inode);
}

static bool looks_at(pid_t pid, void *arg)
{
    struct hold *h = arg;
    h->found = false;
    every_mapping(pid, compare, h);
    every_open(pid, compare, h);
    if (h->found && h->n++ == 0) {
        char name[16];
        name_of(pid, name);
        (void)snprintf(h->first, h->size, "process %d, %s", (int)pid, name);
    }
    return true;
}

size_t holders_of(const struct inodes *segments, char *ret_first, size_t size)
{
    struct hold h = { .segments = segments, .first = ret_first, .size = size };
    if (segments->n > 0)
        every_process(looks_at, &h);
    return h.n;
}
