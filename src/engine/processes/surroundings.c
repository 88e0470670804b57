#include "engine/processes/surroundings.h"
#include "base/error.h"
#include "base/process.h"
#include "memory/segment.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- what /proc knows better ---- */

/* The rest of the line of /proc/self/status that begins with `key`. Without allocation, and without changing what it looks at. */
static bool status_line(const char *key, char *ret_rest, size_t size)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *at = strstr(text, key);
    if (!at)
        return false;
    at += strlen(key);
    (void)snprintf(ret_rest, size, "%.*s", (int)strcspn(at, "\n"), at);
    return true;
}

/* umask() cannot be read without being changed for a moment, which other threads would see. */
static uint32_t read_mask(void)
{
    char rest[64];
    return status_line("\nUmask:", rest, sizeof rest) ? (uint32_t)strtoul(rest, NULL, 8) : 022;
}

/* ---- reading ---- */

static int read_environment(uint64_t *ret_size)
{
    size_t size = 1;                           /* a segment has at least a byte */
    for (char **e = environ; e && *e; e++)
        size += strlen(*e) + 1;
    int fd = pn_segment_new("prong-environ", size);
    char *mem = fd < 0 ? NULL : pn_segment_map(fd, size, true), *at = mem;
    if (!mem) {
        if (fd >= 0)
            (void)close(fd);
        return fd < 0 ? fd : -ENOMEM;
    }
    for (char **e = environ; e && *e && (size_t)(at - mem) + strlen(*e) + 1 < size; e++)
        at = stpcpy(at, *e) + 1;
    *ret_size = (uint64_t)(at - mem);
    pn_segment_unmap(mem, size);
    return fd;
}

static void lower(struct rlimit *limit, uint64_t to)
{
    if (limit->rlim_max == RLIM_INFINITY || limit->rlim_max > to)
        limit->rlim_max = to;
    if (limit->rlim_cur == RLIM_INFINITY || limit->rlim_cur > limit->rlim_max)
        limit->rlim_cur = limit->rlim_max;
}

int pn_surroundings_read(uint64_t memory_bytes, uint32_t files, struct pn_surroundings *ret, int ret_fds[PN_SURROUNDINGS_FDS])
{
    memset(ret, 0, sizeof *ret);
    ret->mask = read_mask();
    for (int i = 0; i < PN_LIMITS; i++)
        if (getrlimit((__rlimit_resource_t)i, &ret->limit[i]) < 0)
            ret->limit[i] = (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
    lower(&ret->limit[RLIMIT_CORE], 0);        /* a crash is one failed run, and no file of the memory of it */
    if (memory_bytes)
        lower(&ret->limit[RLIMIT_DATA], memory_bytes);
    if (files)
        lower(&ret->limit[RLIMIT_NOFILE], files);
    ret_fds[0] = pn_fd_up(open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));      /* -1 where it was removed */
    ret_fds[1] = read_environment(&ret->environment_size);
    if (ret_fds[1] >= 0)
        return 0;
    if (ret_fds[0] >= 0)
        (void)close(ret_fds[0]);
    return pn_error(ret_fds[1], "cannot send the environment to workers: %s", strerror(-ret_fds[1]));
}

/* ---- applying ---- */

/* The strings stay in a mapping of this process's own. Without memory for it the environment stays as it was. */
static void apply_environment(const struct pn_surroundings *s, int fd)
{
    size_t n = 0;
    char *mem = s->environment_size ? pn_segment_map_private(fd, s->environment_size) : NULL;
    if (!mem && s->environment_size)
        return;
    for (size_t i = 0; i < s->environment_size; i++)
        n += !mem[i];
    char **list = malloc((n + 1) * sizeof *list), *at = mem;
    if (!list)
        return;
    for (size_t i = 0; i < n; i++, at += strlen(at) + 1)
        list[i] = at;
    list[n] = NULL;
    environ = list;
}

void pn_surroundings_apply(const struct pn_surroundings *s, const int fds[PN_SURROUNDINGS_FDS])
{
    if (fds[0] >= 0)
        (void)!fchdir(fds[0]);
    (void)umask((mode_t)s->mask);
    if (fds[1] >= 0)
        apply_environment(s, fds[1]);
    for (int i = 0; i < PN_LIMITS; i++)
        (void)setrlimit((__rlimit_resource_t)i, &s->limit[i]);
}

/* ---- privileges ---- */

enum { GROUPS = 64 };
struct who {
    uid_t uid[3];
    gid_t gid[3], group[GROUPS];
    int groups;
    char capabilities[3][32];
    dev_t root_device;
    ino_t root;
};
static struct who at_init;

static void read_who(struct who *w)
{
    static const char *const keys[] = { "\nCapPrm:", "\nCapEff:", "\nCapBnd:" };
    struct stat st;
    memset(w, 0, sizeof *w);
    (void)getresuid(&w->uid[0], &w->uid[1], &w->uid[2]);
    (void)getresgid(&w->gid[0], &w->gid[1], &w->gid[2]);
    w->groups = getgroups(GROUPS, w->group);
    for (int i = 0; i < 3; i++)
        (void)status_line(keys[i], w->capabilities[i], sizeof w->capabilities[i]);
    if (stat("/", &st) == 0) {
        w->root_device = st.st_dev;
        w->root = st.st_ino;
    }
}

void pn_privileges_remember(void) { read_who(&at_init); }

int pn_privileges_check(void)
{
    struct who now;
    read_who(&now);
    if (memcmp(&now, &at_init, sizeof now) == 0)
        return 0;
    return pn_error(-EPERM, "the program's user, groups, capabilities or root folder are not what they were at prong_init, but its workers would "
                            "still have those: call prong_init after the change");
}
