/* keep.c - keeps the write-ahead log short without making a commit wait for it.
 *
 * The keeper writes the log's pages back into the database (a PASSIVE checkpoint: it blocks nobody) whenever the log has grown. But the log can begin anew only
 * when all of it has been written back and nobody writes, which under load never happens by itself: while the last pages are written back,
 * new ones come. So once the log is long, the keeper, having left a small rest, asks the writer to write back that rest between two
 * commits; the next commit then begins the log anew. Meanwhile the keeper waits (store.c): SQLite has one checkpointer at a time.
 *
 * After a crash the whole log is read at open: LONG bounds that time, too. */
#include "store/sqlite/db.h"

#include <errno.h>

enum { PAGE = 4096, GROWN = 2000, LONG = 8000 };

static int frames_of(const struct db *db)
{
    return __atomic_load_n(&db->log_frames, __ATOMIC_RELAXED);
}

/* Ordering: relaxed here and below. The numbers are hints when to look; that a checkpoint sees the pages is SQLite's affair. */
static int on_commit(void *arg, sqlite3 *sqlite, const char *name, int frames)
{
    (void)sqlite;
    (void)name;
    struct db *db = arg;
    if (frames < frames_of(db))                 /* it has begun anew */
        __atomic_store_n(&db->kept_frames, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&db->log_frames, frames, __ATOMIC_RELAXED);
    return SQLITE_OK;
}

void keep_watch(struct db *db)
{
    (void)sqlite3_wal_hook(db->writer.sqlite, on_commit, db);
}

bool keep_is_due(const struct db *db)
{
    return frames_of(db) - __atomic_load_n(&db->kept_frames, __ATOMIC_RELAXED) >= GROWN;
}

static int checkpoint(struct conn *conn)
{
    int code = sqlite3_wal_checkpoint_v2(conn->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    int primary = code & 0xff;
    /* Busy: a backup does it. Full: the log goes on, commits will tell. */
    return primary == SQLITE_OK || primary == SQLITE_BUSY || primary == SQLITE_LOCKED || primary == SQLITE_FULL ? 0 : conn_trouble(conn, code, "database");
}

int keep_short(struct db *db, bool *ret_wants_catch_up)
{
    __atomic_store_n(&db->kept_frames, frames_of(db), __ATOMIC_RELAXED);
    int r = checkpoint(&db->keeper);
    if (r == 0 && frames_of(db) >= LONG)        /* what came meanwhile: once more, so that the rest is small */
        r = checkpoint(&db->keeper);
    *ret_wants_catch_up = frames_of(db) >= LONG;
    return r;
}

int keep_catch_up(struct db *db)
{
    return checkpoint(&db->writer);
}

uint64_t keep_log_bytes(const struct db *db)
{
    return (uint64_t)frames_of(db) * PAGE;
}
