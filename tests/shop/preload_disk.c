/* preload_disk.c - a disk that a test fills, breaks, or takes the power from: LD_PRELOAD, and in the environment
 *
 *   SHOP_TEST_FILES    the files that it is for: those whose path begins so ("/tmp/x/shop.db": -wal and -journal, too)
 *   SHOP_TEST_DISK     a file of two 64-bit numbers: what is wrong, see enum trouble, read at every call; and how many syncs wait
 *   SHOP_TEST_SYNCED   a folder with copies of these files that hold what has been synced and nothing else: what a power loss leaves
 *
 * What is written goes to the copy when its file is synced, before the real sync: so at any instant the copies have all that a sync has
 * told to be safe, and perhaps a part of the next, as on a real disk. */
#undef _FILE_OFFSET_BITS         /* else pwrite is pwrite64, and both names could not be given here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum trouble { NONE, FULL, SYNC_FAILS, WRITE_FAILS, SYNC_WAITS };
enum { FILES_MAX = 8, RANGES_MAX = 65536 };

struct disk {
    int64_t trouble, waiting;
};
struct range {
    off_t at;
    size_t size;
};
struct watched {                /* a file, by its path: SQLite may have it open several times */
    char path[512];
    int copy;
    size_t n;
    struct range *ranges;       /* written and not synced */
};

static struct disk *disk;      /* NULL: all is well */
static struct watched watched[FILES_MAX];
static const char *prefix, *synced;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...) \
    static result (*real_##name)(__VA_ARGS__); \
    static void find_##name(void) { if (!real_##name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name); }
REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
REAL(int, fdatasync, int)
REAL(int, fsync, int)
REAL(int, ftruncate, int, off_t)
REAL(int, fallocate, int, int, off_t, off_t)
REAL(int, posix_fallocate, int, off_t, off_t)

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SHOP_TEST_DISK");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *base = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base != MAP_FAILED)
        disk = base;
    if (fd >= 0)
        (void)close(fd);
    prefix = getenv("SHOP_TEST_FILES");
    synced = getenv("SHOP_TEST_SYNCED");
}

static int64_t trouble_now(void)
{
    return disk ? __atomic_load_n(&disk->trouble, __ATOMIC_ACQUIRE) : NONE;
}

static int is_ours(int fd, char path[static 512])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = prefix ? readlink(link, path, 511) : -1;
    if (size < 0)
        return 0;
    path[size] = '\0';
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

/* ---- the copies ---------------------------------------------------------------------------------------------------------- */

static struct watched *watched_of(const char *path)
{
    char copy[1024];
    for (size_t i = 0; synced && i < FILES_MAX; i++) {
        if (!watched[i].path[0]) {
            snprintf(watched[i].path, sizeof watched[i].path, "%s", path);
            snprintf(copy, sizeof copy, "%s/%s", synced, strrchr(path, '/') + 1);
            watched[i].copy = open(copy, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
            watched[i].ranges = calloc(RANGES_MAX, sizeof *watched[i].ranges);
        }
        if (strcmp(watched[i].path, path) == 0)
            return watched[i].ranges && watched[i].copy >= 0 ? &watched[i] : NULL;
    }
    return NULL;
}

static void note_range(const char *path, off_t at, size_t size)
{
    (void)pthread_mutex_lock(&lock);
    struct watched *file = watched_of(path);
    struct range *last = file && file->n ? &file->ranges[file->n - 1] : NULL;
    if (last && last->at + (off_t)last->size == at)
        last->size += size;
    else if (file && file->n == RANGES_MAX)
        abort();        /* a copy that lacks something would let the test fail for no reason */
    else if (file)
        file->ranges[file->n++] = (struct range){ at, size };
    (void)pthread_mutex_unlock(&lock);
}

static void copy_range(int from, int to, struct range range)
{
    char buf[65536];
    ssize_t n;
    for (size_t done = 0; done < range.size; done += (size_t)n) {
        size_t want = range.size - done < sizeof buf ? range.size - done : sizeof buf;
        n = pread(from, buf, want, range.at + (off_t)done);
        if (n <= 0)
            return;     /* was cut off since */
        (void)!real_pwrite(to, buf, (size_t)n, range.at + (off_t)done);
    }
}

static void copy_written(int fd, const char *path)
{
    struct stat st;
    find_pwrite();
    find_ftruncate();
    (void)pthread_mutex_lock(&lock);
    struct watched *file = watched_of(path);
    if (file) {
        for (size_t i = 0; i < file->n; i++)
            copy_range(fd, file->copy, file->ranges[i]);
        file->n = 0;
        if (fstat(fd, &st) == 0)
            (void)!real_ftruncate(file->copy, st.st_size);
    }
    (void)pthread_mutex_unlock(&lock);
}

/* ---- the calls ----------------------------------------------------------------------------------------------------------- */

/* 0, or what the call fails with. */
static int refuses(int fd, char path[static 512])
{
    if (!is_ours(fd, path))
        path[0] = '\0';
    int64_t now = path[0] ? trouble_now() : NONE;
    return now == FULL ? ENOSPC : now == WRITE_FAILS ? EIO : 0;
}

static void wait_for_leave(void)
{
    static const struct timespec moment = { .tv_nsec = 1000000 };
    (void)__atomic_add_fetch(&disk->waiting, 1, __ATOMIC_RELEASE);
    while (trouble_now() == SYNC_WAITS)
        (void)nanosleep(&moment, NULL);
    (void)__atomic_sub_fetch(&disk->waiting, 1, __ATOMIC_RELEASE);
}

static int sync_it(int fd, int (*real)(int))
{
    char path[512];
    if (!is_ours(fd, path))
        return real(fd);
    if (trouble_now() == SYNC_WAITS)
        wait_for_leave();
    if (trouble_now() == SYNC_FAILS) {
        errno = EIO;
        return -1;
    }
    copy_written(fd, path);
    return real(fd);
}

ssize_t pwrite(int fd, const void *buf, size_t size, off_t at)
{
    char path[512];
    find_pwrite();
    errno = refuses(fd, path);
    if (errno)
        return -1;
    ssize_t n = real_pwrite(fd, buf, size, at);
    if (n > 0 && path[0])
        note_range(path, at, (size_t)n);
    return n;
}

ssize_t pwrite64(int fd, const void *buf, size_t size, off64_t at)
{
    return pwrite(fd, buf, size, at);
}

int fdatasync(int fd)
{
    find_fdatasync();
    return sync_it(fd, real_fdatasync);
}

int fsync(int fd)
{
    find_fsync();
    return sync_it(fd, real_fsync);
}

int ftruncate(int fd, off_t size)
{
    char path[512];
    struct stat st;
    find_ftruncate();
    int error = refuses(fd, path);
    if (error && fstat(fd, &st) == 0 && size > st.st_size) {
        errno = error;
        return -1;
    }
    return real_ftruncate(fd, size);
}

int ftruncate64(int fd, off64_t size)
{
    return ftruncate(fd, size);
}

int fallocate(int fd, int mode, off_t at, off_t size)
{
    char path[512];
    find_fallocate();
    errno = refuses(fd, path);
    return errno ? -1 : real_fallocate(fd, mode, at, size);
}

int fallocate64(int fd, int mode, off64_t at, off64_t size)
{
    return fallocate(fd, mode, at, size);
}

int posix_fallocate(int fd, off_t at, off_t size)
{
    char path[512];
    find_posix_fallocate();
    int error = refuses(fd, path);
    return error ? error : real_posix_fallocate(fd, at, size);
}

int posix_fallocate64(int fd, off64_t at, off64_t size)
{
    return posix_fallocate(fd, at, size);
}
