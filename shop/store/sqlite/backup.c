/* backup.c - SQLite's online backup, a few pages at a time, so that a server beside it goes on. The copy is one moment's. */
#include "store/sqlite/db.h"

#include "base/trouble.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGES_A_STEP = 256, PAUSE_MS = 1 };

static int sync_path(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        (void)close(fd);
    return r;
}

/* The file, then its name in the folder. */
static int sync_copy(const char *to)
{
    char *copy = strdup(to);
    if (!copy)
        return -ENOMEM;
    int r = sync_path(to, 0);
    if (r == 0)
        r = sync_path(dirname(copy), O_DIRECTORY);
    free(copy);
    return r < 0 ? trouble_say(r, "cannot sync %s: %s", to, strerror(-r)) : 0;
}

static int copy_pages(struct conn *from, struct conn *to, int (*told)(int64_t, int64_t, void *), void *arg)
{
    sqlite3_backup *backup = sqlite3_backup_init(to->sqlite, "main", from->sqlite, "main");
    if (!backup)
        return conn_trouble(to, sqlite3_errcode(to->sqlite), "backup");
    int code, r = 0;
    do {
        code = sqlite3_backup_step(backup, PAGES_A_STEP);
        int pages = sqlite3_backup_pagecount(backup);
        if (told && told(pages - sqlite3_backup_remaining(backup), pages, arg))
            r = trouble_say(-ECANCELED, "interrupted");
        if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
            (void)sqlite3_sleep(PAUSE_MS);
    } while (r == 0 && (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED));
    (void)sqlite3_backup_finish(backup);
    return r < 0 || code == SQLITE_DONE ? r : conn_trouble(to, code, "backup");
}

static int check_copy(struct conn *conn, const char *to)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(conn->sqlite, "PRAGMA quick_check", -1, &statement, NULL);
    if (code != SQLITE_OK)
        return conn_trouble(conn, code, to);
    bool is_good = sqlite3_step(statement) == SQLITE_ROW && strcmp(column_text(statement, 0), "ok") == 0;
    (void)sqlite3_finalize(statement);
    return is_good ? 0 : trouble_say(-EIO, "%s: the copy is damaged", to);
}

static int write_copy(struct db *db, const char *to, int (*told)(int64_t, int64_t, void *), void *arg)
{
    struct conn copy, from;
    int r = conn_open(&from, db->path, SQLITE_OPEN_READWRITE, db->busy_ms);
    if (r < 0) {
        conn_close(&from);
        return r;
    }
    /* One read transaction over all of it: else each write of the server would have the copy begin anew. */
    r = conn_run(&from, "BEGIN; SELECT count(*) FROM meta");
    if (r == 0)
        r = conn_open(&copy, to, SQLITE_OPEN_READWRITE, db->busy_ms);
    if (r == 0) {
        r = copy_pages(&from, &copy, told, arg);
        if (r == 0)
            r = check_copy(&copy, to);
        conn_close(&copy);
    }
    conn_close(&from);
    return r < 0 ? r : sync_copy(to);
}

int backup_to(struct db *db, const char *to, int (*told)(int64_t pages_done, int64_t pages, void *arg), void *arg)
{
    int fd = open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);       /* ours alone: it holds addresses of people */
    if (fd < 0)
        return trouble_say(-errno, "cannot make %s: %s", to, strerror(errno));
    (void)close(fd);
    int r = write_copy(db, to, told, arg);
    if (r < 0)
        (void)unlink(to);
    return r;
}
