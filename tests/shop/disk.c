/* disk.c - each file is the real one, and calls to it pass through here. After each sync a copy of the file is kept. */
#include "disk.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watched {
    sqlite3_file base;
    sqlite3_file *real;
    char name[256];
    sqlite3_io_methods methods;
};

static sqlite3_vfs vfs, *usual;
static int how;
static uint64_t syncs;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct watched *)file)->real;
}

static int failing(void)
{
    return __atomic_load_n(&how, __ATOMIC_SEQ_CST);
}

static void keep_copy(const char *name)
{
    char command[640];
    snprintf(command, sizeof command, "cp '%s' '%s.synced'", name, name);
    ck_assert_int_eq(system(command), 0);
}

static int on_close(sqlite3_file *f) { int r = real_of(f)->pMethods->xClose(real_of(f)); free(real_of(f)); return r; }
static int on_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at) { return real_of(f)->pMethods->xRead(real_of(f), p, n, at); }
static int on_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return failing() == DISK_FULL ? SQLITE_FULL : real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
}
static int on_truncate(sqlite3_file *f, sqlite3_int64 n) { return real_of(f)->pMethods->xTruncate(real_of(f), n); }
static int on_sync(sqlite3_file *f, int flags)
{
    if (failing() == DISK_SYNC_FAILS)
        return SQLITE_IOERR_FSYNC;
    __atomic_fetch_add(&syncs, 1, __ATOMIC_SEQ_CST);
    int r = real_of(f)->pMethods->xSync(real_of(f), flags);
    if (r == SQLITE_OK && ((struct watched *)f)->name[0])
        keep_copy(((struct watched *)f)->name);
    return r;
}
static int on_size(sqlite3_file *f, sqlite3_int64 *n) { return real_of(f)->pMethods->xFileSize(real_of(f), n); }
static int on_lock(sqlite3_file *f, int l) { return real_of(f)->pMethods->xLock(real_of(f), l); }
static int on_unlock(sqlite3_file *f, int l) { return real_of(f)->pMethods->xUnlock(real_of(f), l); }
static int on_reserved(sqlite3_file *f, int *r) { return real_of(f)->pMethods->xCheckReservedLock(real_of(f), r); }
static int on_control(sqlite3_file *f, int op, void *arg) { return real_of(f)->pMethods->xFileControl(real_of(f), op, arg); }
static int on_sector(sqlite3_file *f) { return real_of(f)->pMethods->xSectorSize(real_of(f)); }
static int on_device(sqlite3_file *f) { return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f)); }
static int on_shm_map(sqlite3_file *f, int i, int n, int e, void volatile **p) { return real_of(f)->pMethods->xShmMap(real_of(f), i, n, e, p); }
static int on_shm_lock(sqlite3_file *f, int o, int n, int flags) { return real_of(f)->pMethods->xShmLock(real_of(f), o, n, flags); }
static void on_barrier(sqlite3_file *f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); }
static int on_shm_unmap(sqlite3_file *f, int d) { return real_of(f)->pMethods->xShmUnmap(real_of(f), d); }

static int on_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    (void)v;
    struct watched *w = (struct watched *)f;
    w->real = calloc(1, (size_t)usual->szOsFile);
    ck_assert_ptr_nonnull(w->real);
    snprintf(w->name, sizeof w->name, "%s", name ? name : "");
    int r = usual->xOpen(usual, name, w->real, flags, out);
    if (r != SQLITE_OK || !w->real->pMethods) {
        free(w->real);
        f->pMethods = NULL;
        return r;
    }
    w->methods = (sqlite3_io_methods){ .iVersion = 2, on_close, on_read, on_write, on_truncate, on_sync, on_size, on_lock, on_unlock, on_reserved,
                                       on_control, on_sector, on_device, on_shm_map, on_shm_lock, on_barrier, on_shm_unmap, NULL, NULL };
    f->pMethods = &w->methods;
    return r;
}

void disk_watch(void)
{
    usual = sqlite3_vfs_find(NULL);
    vfs = *usual;
    vfs.zName = "watched";
    vfs.szOsFile = (int)sizeof(struct watched);
    vfs.pNext = NULL;
    vfs.xOpen = on_open;
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

void disk_fail(enum disk as)
{
    __atomic_store_n(&how, as, __ATOMIC_SEQ_CST);
}

uint64_t disk_syncs(void)
{
    return __atomic_load_n(&syncs, __ATOMIC_SEQ_CST);
}

void disk_copy_synced(const char *path, const char *to)
{
    char command[640];
    snprintf(command, sizeof command, "cp '%s.synced' '%s'; [ ! -e '%s-wal.synced' ] || cp '%s-wal.synced' '%s-wal'", path, to, path, path, to);
    ck_assert_int_eq(system(command), 0);
}
