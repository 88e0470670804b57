#include "memory/segment.h"
#include "base/process.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

size_t pn_segment_most(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur > INT64_MAX ? INT64_MAX : (size_t)limit.rlim_cur;
}

int pn_segment_new_sparse(const char *name, size_t size)
{
    int r;
    if (size > pn_segment_most())              /* growing past RLIMIT_FSIZE would raise SIGXFSZ: ask first */
        return -EFBIG;
    int fd = pn_fd_up(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
        r = -errno;
        goto close_fd;
    }
    return fd;
close_fd:
    (void)close(fd);
    return r;
}

int pn_segment_new(const char *name, size_t size)
{
    int fd = pn_segment_new_sparse(name, size);
    int r = fd < 0 ? fd : pn_segment_commit(fd, 0, size);
    if (r < 0 && fd >= 0)
        (void)close(fd);
    return r < 0 ? r : fd;
}

int pn_segment_commit(int fd, size_t offset, size_t size)
{
    while (size && fallocate(fd, 0, (off_t)offset, (off_t)size) < 0) {
        if (errno != EINTR)
            return errno == ENOSPC ? -ENOMEM : -errno;
    }
    return 0;
}

int pn_segment_populate(const void *at, size_t size, bool for_writing)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)at & ~(page - 1), to = ((uintptr_t)at + size + page - 1) & ~(page - 1);
    while (madvise((void *)from, to - from, for_writing ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) < 0)
        if (errno != EINTR)
            return errno == EINVAL ? 0 : -ENOMEM;
    return 0;
}

int pn_segment_seal_writes(int fd)
{
    return fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0 ? -errno : 0;
}

int pn_segment_seal_seals(int fd) { return fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) < 0 ? -errno : 0; }

bool pn_segment_is_sound(int fd, size_t size)
{
    struct stat st;
    struct statfs fs;
    int seals = fcntl(fd, F_GET_SEALS);
    bool is_memory = fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC;      /* huge pages have seals, too, but may not be there */
    bool is_fixed = seals >= 0 && (seals & F_SEAL_SHRINK);
    return is_memory && is_fixed && fstat(fd, &st) == 0 && (uint64_t)st.st_size >= size && (uint64_t)st.st_blocks * 512 >= size;
}

static void *map(void *at, int fd, size_t size, bool writable, int flags)
{
    void *mem = mmap(at, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED | MAP_NORESERVE | flags, fd, 0);
    return mem == MAP_FAILED ? NULL : mem;
}

void *pn_segment_map(int fd, size_t size, bool writable) { return map(NULL, fd, size, writable, 0); }
void *pn_segment_map_private(int fd, size_t size)
{
    void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    return mem == MAP_FAILED ? NULL : mem;
}
void *pn_segment_map_at(void *at, int fd, size_t size, bool writable) { return map(at, fd, size, writable, MAP_FIXED); }

void pn_segment_unmap(void *mem, size_t size)
{
    if (mem)
        (void)munmap(mem, size);
}
