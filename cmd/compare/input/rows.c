/* rows.c - a window slides over the file.
 *
 *      file  ..............[lo.................................hi)...............
 *      window        [ seen | row |  not yet seen  ]
 *                    ^window_at   ^next             ^window_at + n
 *
 * A row starts at `first` or behind a newline, so a range begins by looking for a newline from lo - 1 on. The last row of a
 * range may reach beyond hi: the window then slides on until that row ends. A row that does not fit makes it larger. */
#include "compare/input/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW_SIZE = 64 << 10, READ_AHEAD = 4 << 10 };    /* small enough to be parsed from the CPU's own cache */

struct rows {
    uint64_t id;                /* of the job that `fd` was opened for; 0: none */
    int fd;
    char *window;
    size_t window_size, n;      /* room, and how much of it is filled */
    uint64_t window_at;
    uint64_t next, hi, size;    /* where the next row starts, where none starts any more, where the file ends */
    uint64_t clean_to;          /* no quote stands between `next` and here */
};

static pthread_key_t rows_of_thread;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static int key_error;

static void free_rows(void *arg)
{
    struct rows *rows = arg;
    if (rows->id)
        close(rows->fd);
    free(rows->window);
    free(rows);
}

static void make_key(void)
{
    key_error = pthread_key_create(&rows_of_thread, free_rows);
}

/* This thread's, made when it asks for the first time. */
static struct rows *find_rows(void)
{
    pthread_once(&key_once, make_key);
    if (key_error)
        return NULL;
    struct rows *rows = pthread_getspecific(rows_of_thread);
    if (rows)
        return rows;
    rows = calloc(1, sizeof *rows);
    if (!rows)
        return NULL;
    rows->window = malloc(WINDOW_SIZE);
    rows->window_size = WINDOW_SIZE;
    if (!rows->window || pthread_setspecific(rows_of_thread, rows) != 0) {
        free_rows(rows);
        return NULL;
    }
    return rows;
}

uint64_t rows_new_id(void)
{
    static uint64_t last;
    return ++last;
}

/* ---- which file ---------------------------------------------------------------------------------------------------------- */

/* The descriptor, or -1. O_NONBLOCK: a FIFO would wait for its writer, and regular files do not care. */
static int open_file(const char *path, struct stat *ret_stat, struct flaw *ret_flaw)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, ret_stat) < 0) {
        (void)flaw_set(ret_flaw, FLAW_OPEN, 0, "%s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static int64_t changed_ns(const struct stat *stat)
{
    return stat->st_mtim.tv_sec * INT64_C(1000000000) + stat->st_mtim.tv_nsec;
}

static bool is_same(const struct rows_file *file, const struct stat *stat)
{
    return file->size == (uint64_t)stat->st_size && file->device == stat->st_dev && file->inode == stat->st_ino &&
           file->changed_ns == changed_ns(stat);
}

int rows_file_look(const char *path, struct rows_file *ret_file, struct flaw *ret_flaw)
{
    struct stat stat;
    char *absolute = realpath(path, NULL);
    if (!absolute)
        return flaw_set(ret_flaw, FLAW_OPEN, 0, "%s", strerror(errno));
    snprintf(ret_file->path, sizeof ret_file->path, "%s", absolute);
    free(absolute);
    int fd = open_file(ret_file->path, &stat, ret_flaw);
    if (fd < 0)
        return ret_flaw->kind;
    close(fd);
    if (!S_ISREG(stat.st_mode))
        return flaw_set(ret_flaw, FLAW_OPEN, 0, "expected a regular file, found %s",
                        S_ISDIR(stat.st_mode) ? "a folder" : "a pipe or a device");
    ret_file->id = rows_new_id();
    ret_file->size = (uint64_t)stat.st_size;
    ret_file->device = stat.st_dev;
    ret_file->inode = stat.st_ino;
    ret_file->changed_ns = changed_ns(&stat);
    return 0;
}

static int open_for(struct rows *rows, const struct rows_file *file, struct flaw *ret_flaw)
{
    struct stat stat;
    if (rows->id == file->id)
        return 0;
    if (rows->id)
        close(rows->fd);
    rows->id = 0;
    rows->fd = open_file(file->path, &stat, ret_flaw);
    if (rows->fd < 0)
        return ret_flaw->kind;
    if (!is_same(file, &stat)) {
        close(rows->fd);
        return flaw_set(ret_flaw, FLAW_CHANGED, 0, "expected a file that nobody writes, but it was changed meanwhile");
    }
    rows->id = file->id;
    return 0;
}

/* ---- the window ---------------------------------------------------------------------------------------------------------- */

static int make_room(struct rows *rows, struct flaw *ret_flaw)
{
    if (rows->n < rows->window_size)
        return 0;
    if (rows->window_size >= ROWS_LONGEST)
        return flaw_set(ret_flaw, FLAW_LONG, rows->window_at, "expected a line end within %d MiB", ROWS_LONGEST >> 20);
    char *window = realloc(rows->window, 2 * rows->window_size);
    if (!window)
        return flaw_set(ret_flaw, FLAW_READ, rows->window_at, "no memory for a row of %zu bytes", 2 * rows->window_size);
    rows->window = window;
    rows->window_size *= 2;
    return 0;
}

/* Forgets what lies before `keep` and reads on, little beyond hi while that may do. */
static int slide(struct rows *rows, uint64_t keep, struct flaw *ret_flaw)
{
    uint64_t read_at = rows->window_at + rows->n;
    rows->n = (size_t)(read_at - keep);
    memmove(rows->window, rows->window + (keep - rows->window_at), rows->n);
    rows->window_at = keep;
    if (make_room(rows, ret_flaw) != 0)
        return ret_flaw->kind;

    uint64_t wanted = rows->hi + READ_AHEAD;
    if (read_at >= wanted || wanted > rows->size)
        wanted = rows->size;
    size_t room = rows->window_size - rows->n;
    size_t size = wanted - read_at < room ? (size_t)(wanted - read_at) : room;
    ssize_t n = pread(rows->fd, rows->window + rows->n, size, (off_t)read_at);
    if (n < 0)
        return flaw_set(ret_flaw, FLAW_READ, read_at, "cannot read it: %s", strerror(errno));
    if (n == 0)
        return flaw_set(ret_flaw, FLAW_CHANGED, read_at, "expected %" PRIu64 " bytes, but it has become shorter", rows->size);
    rows->n += (size_t)n;
    return 0;
}

/* Gives the place of the first newline in [from, limit), or limit; all from `from` to there is in the window then. */
static int find_newline(struct rows *rows, uint64_t from, uint64_t limit, uint64_t *ret_at, struct flaw *ret_flaw)
{
    uint64_t searched = from;
    for (;;) {
        uint64_t filled = rows->window_at + rows->n;
        uint64_t to = filled < limit ? filled : limit;
        const char *start = rows->window + (searched - rows->window_at);
        const char *newline = to > searched ? memchr(start, '\n', (size_t)(to - searched)) : NULL;
        if (newline || to == limit) {
            *ret_at = newline ? searched + (uint64_t)(newline - start) : limit;
            return 0;
        }
        searched = to;
        if (slide(rows, from, ret_flaw) != 0)
            return ret_flaw->kind;
    }
}

/* Looks through a window at once and remembers how far: most rows are then passed by one comparison. */
static int refuse_quote(struct rows *rows, const struct row *row, struct flaw *ret_flaw)
{
    uint64_t row_end = row->at + (uint64_t)(row->end - row->text);
    if (row_end <= rows->clean_to)
        return 0;
    uint64_t from = rows->clean_to > row->at ? rows->clean_to : row->at;
    uint64_t filled = rows->window_at + rows->n;
    const char *start = rows->window + (from - rows->window_at);
    const char *quote = memchr(start, '"', (size_t)(filled - from));
    rows->clean_to = quote ? from + (uint64_t)(quote - start) : filled;
    if (rows->clean_to >= row_end)
        return 0;
    return flaw_set(ret_flaw, FLAW_QUOTE, rows->clean_to, "expected fields without quotes, found a quote");
}

/* ---- the rows ------------------------------------------------------------------------------------------------------------ */

int rows_begin(const struct rows_file *file, uint64_t first, uint64_t lo, uint64_t hi, struct rows **ret_rows,
               struct flaw *ret_flaw)
{
    struct rows *rows = find_rows();
    if (!rows)
        return flaw_set(ret_flaw, FLAW_READ, 0, "no memory to read it");
    if (open_for(rows, file, ret_flaw) != 0)
        return ret_flaw->kind;
    rows->size = file->size;
    rows->hi = hi < file->size ? hi : file->size;
    rows->n = 0;
    rows->clean_to = 0;
    rows->next = lo <= first ? first : lo - 1;
    rows->window_at = rows->next;
    *ret_rows = rows;
    if (lo <= first || rows->next >= rows->hi)
        return 0;
    uint64_t newline;
    if (find_newline(rows, lo - 1, rows->hi - 1, &newline, ret_flaw) != 0)
        return ret_flaw->kind;
    rows->next = newline + 1;
    return 0;
}

int rows_next(struct rows *rows, struct row *ret_row, struct flaw *ret_flaw)
{
    if (rows->next >= rows->hi)
        return ROWS_END;
    uint64_t newline;
    if (find_newline(rows, rows->next, rows->size, &newline, ret_flaw) != 0)
        return ret_flaw->kind;
    ret_row->at = rows->next;
    ret_row->text = rows->window + (rows->next - rows->window_at);
    ret_row->end = ret_row->text + (newline - rows->next);
    if (ret_row->end > ret_row->text && ret_row->end[-1] == '\r')
        ret_row->end--;
    rows->next = newline < rows->size ? newline + 1 : rows->size;
    ret_row->next_at = rows->next;
    return refuse_quote(rows, ret_row, ret_flaw);
}
