/* sqlite.c - the table for the store, and opening: lock, connection, schema, what an earlier server left. */
#include "store/sqlite/db.h"

#include "base/trouble.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 5000 };

/* A file beside the database: closing any descriptor of the database itself would drop the locks that SQLite holds on it. The kernel
 * frees the lock with the process, however that ends. */
static int lock(struct db *db)
{
    char *name;
    if (asprintf(&name, "%s-lock", db->path) < 0)
        return trouble_say(-ENOMEM, "out of memory");
    int r = 0;
    db->lock_fd = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (db->lock_fd < 0)
        r = trouble_say(-errno, "cannot make %s: %s", name, strerror(errno));
    else if (flock(db->lock_fd, LOCK_EX | LOCK_NB) < 0)
        r = errno == EWOULDBLOCK ? trouble_say(-EBUSY, "another prong-shop serves %s: end that one first, or give this one a --db of its own", db->path)
                                 : trouble_say(-errno, "cannot lock %s: %s", name, strerror(errno));
    free(name);
    return r;
}

/* It holds addresses of people and the shop's secret. SQLite gives its other files the same mode. */
static int make_file(const char *path)
{
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return trouble_say(-errno, "cannot open %s: %s", path, strerror(errno));
    (void)close(fd);        /* no lock of SQLite's is held on it yet */
    return 0;
}

static int check_file(const char *path)
{
    struct stat file;
    if (stat(path, &file) < 0)
        return trouble_say(-errno, "cannot open %s: %s", path, strerror(errno));
    return S_ISREG(file.st_mode) ? 0 : trouble_say(-EINVAL, "%s is no file", path);
}

static int open_all(struct db *db, const struct store_opts *opts)
{
    int r = opts->to_serve ? lock(db) : 0;
    if (r == 0)
        r = opts->to_serve ? make_file(db->path) : 0;
    if (r == 0)
        r = check_file(db->path);
    if (r == 0)
        r = conn_open(&db->writer, db->path, SQLITE_OPEN_READWRITE, db->busy_ms);
    if (r == 0)
        r = schema_make(db, opts->to_serve);
    if (r < 0 || !opts->to_serve)
        return r;
    keep_watch(db);
    r = receipt_recover(db, opts->resend);
    return r < 0 ? r : conn_open(&db->keeper, db->path, SQLITE_OPEN_READWRITE, db->busy_ms);
}

static void close_db(struct db *db)
{
    if (!db)
        return;
    conn_close(&db->keeper);
    conn_close(&db->writer);
    if (db->lock_fd >= 0)
        (void)close(db->lock_fd);
    free(db->catalogue.products);
    free(db->by_id);
    free(db->path);
    free(db);
}

static int open_db(const struct store_opts *opts, struct db **ret_db)
{
    struct db *db = calloc(1, sizeof *db);
    if (!db)
        return trouble_say(-ENOMEM, "out of memory");
    db->lock_fd = -1;
    db->busy_ms = opts->busy_ms ? opts->busy_ms : BUSY_MS;
    db->path = strdup(opts->path);
    int r = db->path ? open_all(db, opts) : trouble_say(-ENOMEM, "out of memory");
    if (r < 0) {
        close_db(db);
        return r;
    }
    *ret_db = db;
    return 0;
}

static const struct secret *secret_of(const struct db *db)
{
    return &db->secret;
}

static const struct catalogue *catalogue_of(const struct db *db)
{
    return &db->catalogue;
}

const struct backend sqlite_backend = {
    .open = open_db, .close = close_db, .secret = secret_of, .catalogue = catalogue_of,
    .begin = write_begin, .commit = write_commit, .rollback = write_rollback,
    .place = write_place, .settle = write_settle, .lease = receipt_lease, .mark = receipt_mark,
    .needs_keeping = keep_is_due, .keep_short = keep_short, .catch_up = keep_catch_up, .log_bytes = keep_log_bytes,
    .reader_open = reader_open, .reader_close = reader_close, .read_order = read_order, .read_charging = read_charging,
    .read_stock = read_stock, .read_counts = read_counts, .read_jobs = read_jobs,
    .change_resend = change_resend, .change_stock = change_stock, .backup = backup_to,
};
