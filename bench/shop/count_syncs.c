/* count_syncs.c - preloaded (LD_PRELOAD): counts what a process and its children ask to have on disk.
 *
 * The counter lies in the file that BENCH_SYNCS names, 8 bytes, for bench/shop/run to read while the process works. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Atomic uint64_t none, *count = &none;

__attribute__((constructor)) static void open_counter(void)
{
    const char *path = getenv("BENCH_SYNCS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED)
        count = page;
}

/* The system calls themselves: so nothing need be looked up, however early they are called. */
static int counted(long number, int fd)
{
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    return (int)syscall(number, fd);
}

int fsync(int fd)
{
    return counted(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return counted(SYS_fdatasync, fd);
}

int syncfs(int fd)
{
    return counted(SYS_syncfs, fd);
}

int sync_file_range(int fd, off64_t from, off64_t size, unsigned flags)
{
    atomic_fetch_add_explicit(count, 1, memory_order_relaxed);
    return (int)syscall(SYS_sync_file_range, fd, from, size, flags);
}
