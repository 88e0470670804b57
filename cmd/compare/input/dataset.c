/* dataset.c - grows the packages into the user's cache, once.
 *
 * A file that is there already is taken if it has the size that it must have and begins and ends with the rows that it must
 * begin and end with; else it is made anew under another name and renamed, so that nobody ever sees half a file. */
#include "compare/input/dataset.h"

#include "compare/stats/measure.h"
#include "compare/input/packages.h"
#include "text.h"
#include "say.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROWN_VERSION "v1"      /* of the rows: raise it whenever the same seed gives others */
enum { GROWN_ROWS = 2000000, SEED = 1, BLOCK_BYTES = 1 << 20, ROW_MAX = 256, SAMPLE_ROWS = 100 };

struct package {
    const char *name;           /* "package,section," as it stands in the file */
    size_t name_size;
    uint64_t installed_kib, download_bytes;
};
struct packages {
    const char *header;         /* with its newline */
    size_t header_size;
    struct package *package;
    uint32_t n;
};

/* ---- the packages, as shipped -------------------------------------------------------------------------------------------- */

static uint64_t read_size(const char **p)
{
    uint64_t size = 0;
    while (**p >= '0' && **p <= '9')
        size = size * 10 + (uint64_t)(*(*p)++ - '0');
    return size;
}

static const char *after(const char *p, char c)
{
    p = memchr(p, c, (size_t)(packages_csv_end - p));
    assert(p);
    return p + 1;
}

static const char *read_package(const char *p, struct package *ret_package)
{
    ret_package->name = p;
    p = after(after(p, ','), ',');
    ret_package->name_size = (size_t)(p - ret_package->name);
    assert(ret_package->name_size < ROW_MAX / 2);
    ret_package->installed_kib = read_size(&p);
    p = after(p, ',');
    ret_package->download_bytes = read_size(&p);
    return after(p, '\n');
}

static bool read_packages(struct packages *ret_packages)
{
    uint32_t n_lines = 0;
    for (const char *p = packages_csv; p < packages_csv_end; p = after(p, '\n'))
        n_lines++;
    struct package *package = calloc(n_lines, sizeof *package);
    if (!package)
        return false;
    const char *p = after(packages_csv, '\n');
    *ret_packages = (struct packages){ packages_csv, (size_t)(p - packages_csv), package, n_lines - 1 };
    for (uint32_t i = 0; i < n_lines - 1; i++)
        p = read_package(p, &package[i]);
    return true;
}

/* ---- the rows, as grown -------------------------------------------------------------------------------------------------- */

struct grown {
    const struct package *package;
    uint64_t installed_kib, download_bytes;
};

static uint64_t draw(uint64_t i)
{
    uint64_t z = SEED + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static struct grown grow_row(const struct packages *packages, uint64_t i)
{
    uint64_t drawn = draw(i);
    const struct package *package = &packages->package[((drawn >> 32) * packages->n) >> 32];
    uint64_t factor = (1 << 15) + (drawn & 0xffff);     /* 1 << 16 would be 1.0 */
    return (struct grown){ package, (package->installed_kib * factor) >> 16, (package->download_bytes * factor) >> 16 };
}

static int count_digits(uint64_t number)
{
    int n = 1;
    for (uint64_t power = 10; number >= power; power *= 10)
        n++;
    return n;
}

static char *write_number(char *out, uint64_t number, char last)
{
    int n = count_digits(number);
    for (int i = n - 1; i >= 0; i--, number /= 10)
        out[i] = (char)('0' + number % 10);
    out[n] = last;
    return out + n + 1;
}

static char *write_row(char *out, const struct packages *packages, uint64_t i)
{
    struct grown row = grow_row(packages, i);
    memcpy(out, row.package->name, row.package->name_size);
    out = write_number(out + row.package->name_size, row.installed_kib, ',');
    return write_number(out, row.download_bytes, '\n');
}

static uint64_t count_bytes(const struct packages *packages)
{
    uint64_t size = packages->header_size;
    for (uint64_t i = 0; i < GROWN_ROWS; i++) {
        struct grown row = grow_row(packages, i);
        size += row.package->name_size + (uint64_t)count_digits(row.installed_kib) + (uint64_t)count_digits(row.download_bytes) + 2;
    }
    return size;
}

/* ---- a file that is there already ---------------------------------------------------------------------------------------- */

static bool file_has(int fd, uint64_t at, const char *text, size_t size)
{
    char found[SAMPLE_ROWS * ROW_MAX];
    return pread(fd, found, size, (off_t)at) == (ssize_t)size && memcmp(found, text, size) == 0;
}

static bool has_ends(int fd, const struct packages *packages, uint64_t size)
{
    char text[SAMPLE_ROWS * ROW_MAX], *out = text;
    for (uint64_t i = 0; i < SAMPLE_ROWS; i++)
        out = write_row(out, packages, i);
    if (!file_has(fd, 0, packages->header, packages->header_size) ||
        !file_has(fd, packages->header_size, text, (size_t)(out - text)))
        return false;
    out = text;
    for (uint64_t i = GROWN_ROWS - SAMPLE_ROWS; i < GROWN_ROWS; i++)
        out = write_row(out, packages, i);
    return file_has(fd, size - (uint64_t)(out - text), text, (size_t)(out - text));
}

static bool is_ready(const char *path, const struct packages *packages)
{
    struct stat stat;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    uint64_t size = count_bytes(packages);
    bool ready = fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && (uint64_t)stat.st_size == size && has_ends(fd, packages, size);
    close(fd);
    return ready;
}

/* ---- making it ----------------------------------------------------------------------------------------------------------- */

/* 0 or a negative errno. */
static int write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, text, size);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0) {
            text += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

static int write_rows(int fd, const struct packages *packages)
{
    char *block = malloc(BLOCK_BYTES + ROW_MAX);
    if (!block)
        return -ENOMEM;
    memcpy(block, packages->header, packages->header_size);
    char *out = block + packages->header_size;
    int r = 0;
    for (uint64_t i = 0; r == 0 && i < GROWN_ROWS; i++) {
        out = write_row(out, packages, i);
        if (out - block >= BLOCK_BYTES || i == GROWN_ROWS - 1) {
            r = write_all(fd, block, (size_t)(out - block));
            out = block;
        }
    }
    free(block);
    return r;
}

static int make_draft(const char *path, const struct packages *packages)
{
    char draft[PATH_MAX];
    if (snprintf(draft, sizeof draft, "%s.XXXXXX", path) >= (int)sizeof draft)
        return -ENAMETOOLONG;
    int fd = mkostemp(draft, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = write_rows(fd, packages);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(draft, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(draft);
    return r;
}

/* Who interrupts it waits for its half a second, so that no half a file stays behind. */
static int make_file(const char *path, const struct packages *packages)
{
    sigset_t ends, before;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, &before);
    int r = make_draft(path, packages);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return r;
}

/* ---- where it lies ------------------------------------------------------------------------------------------------------- */

/* Makes each folder of the path that is not there; for the user alone, as the XDG base directory rules want it. */
static int make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return -errno;
        if (!slash)
            return 0;
        *slash = '/';
    }
}

static bool is_absolute(const char *path)
{
    return path && path[0] == '/';
}

/* Everybody may write to /tmp: a folder there that is somebody else's is not ours to trust. */
static int make_folder_in_tmp(const char *path)
{
    struct stat stat;
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    if (lstat(path, &stat) < 0)
        return -errno;
    return S_ISDIR(stat.st_mode) && stat.st_uid == geteuid() && !(stat.st_mode & 022) ? 0 : -EPERM;
}

static int make_folder(char *ret_folder, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n;
    if (is_absolute(cache))
        n = snprintf(ret_folder, size, "%s/prong", cache);
    else if (is_absolute(home))
        n = snprintf(ret_folder, size, "%s/.cache/prong", home);
    else
        n = snprintf(ret_folder, size, "/tmp/prong-%u", geteuid());
    if (n >= (int)size)
        return -ENAMETOOLONG;
    return is_absolute(cache) || is_absolute(home) ? make_folders(ret_folder) : make_folder_in_tmp(ret_folder);
}

static int say_failure(int r, const char *path)
{
    (void)say_error(SAY_MISSING, "cannot make the data to measure with: %s, in %s", strerror(-r), path);
    say_hint("name another place for its 70 MB: XDG_CACHE_HOME=/some/folder prong compare; or use data of your own: --input "
             "FILE.csv");
    return SAY_MISSING;
}

static int get(const struct packages *packages, char *path)
{
    char rows[TEXT_SIZE], n[TEXT_SIZE];
    int r = make_folder(path, PATH_MAX - sizeof "/packages-2000000-v1.csv.XXXXXX");
    if (r < 0)
        return say_failure(r, path);
    sprintf(path + strlen(path), "/packages-%d-" GROWN_VERSION ".csv", GROWN_ROWS);
    if (is_ready(path, packages))
        return SAY_OK;
    double start = measure_now();
    r = make_file(path, packages);
    if (r < 0)
        return say_failure(r, path);
    say_note("grew %s rows from %s real packages by seed %d in %.1f s, for this and later runs: %s",
             text_count(GROWN_ROWS, rows), text_count(packages->n, n), SEED, measure_now() - start, path);
    return SAY_OK;
}

int dataset_get(char *ret_path, char *ret_source, size_t source_size)
{
    struct packages packages;
    char rows[TEXT_SIZE], n[TEXT_SIZE];
    if (!read_packages(&packages))
        return say_error(SAY_MISSING, "no memory for the packages");
    int status = get(&packages, ret_path);
    snprintf(ret_source, source_size, "%s rows grown from %s real packages by seed %d", text_count(GROWN_ROWS, rows),
             text_count(packages.n, n), SEED);
    free(packages.package);
    return status;
}
