/* conn.c - connections, statements, and what SQLite's codes mean. */
#include "store/sqlite/db.h"

#include "base/trouble.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

static int errno_of(struct conn *conn, int code)
{
    if ((code & 0xff) == SQLITE_IOERR && conn->sqlite) {    /* the disk's quota is a full disk, too */
        int error = sqlite3_system_errno(conn->sqlite);
        if (error == EDQUOT || error == ENOSPC)
            return -ENOSPC;
    }
    switch (code & 0xff) {
    case SQLITE_FULL: return -ENOSPC;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return -EBUSY;
    case SQLITE_NOMEM: return -ENOMEM;
    case SQLITE_READONLY: return -EROFS;
    case SQLITE_PERM:
    case SQLITE_AUTH: return -EACCES;
    case SQLITE_CANTOPEN: return -ENOENT;
    case SQLITE_NOTADB: return -EUCLEAN;
    case SQLITE_CORRUPT:
    case SQLITE_IOERR: return -EIO;
    default: return -EPROTO;
    }
}

int conn_trouble(struct conn *conn, int code, const char *what)
{
    return trouble_say(errno_of(conn, code), "%s: %s (%s)", what, conn->sqlite ? sqlite3_errmsg(conn->sqlite) : "", sqlite3_errstr(code));
}

int conn_run(struct conn *conn, const char *sql)
{
    int code = sqlite3_exec(conn->sqlite, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : conn_trouble(conn, sqlite3_extended_errcode(conn->sqlite), "database");
}

int conn_open(struct conn *conn, const char *path, int flags, uint32_t busy_ms)
{
    *conn = (struct conn){ 0 };
    int code = sqlite3_open_v2(path, &conn->sqlite, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code != SQLITE_OK)
        return conn_trouble(conn, code, path);
    (void)sqlite3_extended_result_codes(conn->sqlite, 1);
    (void)sqlite3_busy_timeout(conn->sqlite, (int)busy_ms);
    /* FULL: a commit returns when it is on disk. The log is written back by the keeper, never inside a commit. */
    return conn_run(conn, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096");
}

void conn_close(struct conn *conn)
{
    for (int i = 0; i < SQLS; i++)
        (void)sqlite3_finalize(conn->statements[i]);
    (void)sqlite3_close(conn->sqlite);
    *conn = (struct conn){ 0 };
}

/* ---- statements ---------------------------------------------------------------------------------------------------------- */

sqlite3_stmt *sql_get(struct conn *conn, enum sql which, int *ret_error)
{
    if (conn->statements[which])
        return conn->statements[which];
    int code = sqlite3_prepare_v3(conn->sqlite, sql_texts[which], -1, SQLITE_PREPARE_PERSISTENT, &conn->statements[which], NULL);
    if (code != SQLITE_OK)
        *ret_error = conn_trouble(conn, code, "database");
    return conn->statements[which];
}

void sql_done(sqlite3_stmt *statement)
{
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
}

static int bind_all(sqlite3_stmt *statement, const char *types, va_list args)
{
    int code = SQLITE_OK;
    for (int i = 1; types[i - 1] && code == SQLITE_OK; i++)
        switch (types[i - 1]) {
        case 'i':
            code = sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
            break;
        case 't':
            code = sqlite3_bind_text(statement, i, va_arg(args, const char *), -1, SQLITE_STATIC);
            break;
        case 'b':
            code = sqlite3_bind_blob(statement, i, va_arg(args, const struct token *)->bytes, TOKEN_SIZE, SQLITE_STATIC);
            break;
        default: {
            const void *data = va_arg(args, const void *);
            code = sqlite3_bind_blob64(statement, i, data, va_arg(args, size_t), SQLITE_STATIC);
        }
        }
    return code;
}

int sql_next(struct conn *conn, sqlite3_stmt *statement)
{
    int code = sqlite3_step(statement);
    return code == SQLITE_ROW ? 1 : code == SQLITE_DONE ? 0 : conn_trouble(conn, code, "database");
}

int sql_run(struct conn *conn, enum sql which, const char *types, ...)
{
    int r = 0;
    sqlite3_stmt *statement = sql_get(conn, which, &r);
    if (!statement)
        return r;
    va_list args;
    va_start(args, types);
    int code = bind_all(statement, types, args);
    va_end(args);
    r = code == SQLITE_OK ? sql_next(conn, statement) : conn_trouble(conn, code, "database");
    sql_done(statement);
    return r < 0 ? r : 0;
}

int sql_row(struct conn *conn, enum sql which, sqlite3_stmt **ret_statement, const char *types, ...)
{
    int r = 0;
    sqlite3_stmt *statement = sql_get(conn, which, &r);
    if (!statement)
        return r;
    va_list args;
    va_start(args, types);
    int code = bind_all(statement, types, args);
    va_end(args);
    r = code == SQLITE_OK ? sql_next(conn, statement) : conn_trouble(conn, code, "database");
    if (r <= 0)
        sql_done(statement);
    else
        *ret_statement = statement;
    return r;
}

void column_token(sqlite3_stmt *statement, int i, struct token *ret_token)
{
    const void *bytes = sqlite3_column_blob(statement, i);
    *ret_token = (struct token){ 0 };
    if (bytes && sqlite3_column_bytes(statement, i) == TOKEN_SIZE)
        memcpy(ret_token->bytes, bytes, TOKEN_SIZE);
}

const char *column_text(sqlite3_stmt *statement, int i)
{
    const unsigned char *text = sqlite3_column_text(statement, i);
    return text ? (const char *)text : "";
}
