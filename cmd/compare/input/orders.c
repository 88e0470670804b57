/* orders.c - writes them into the user's cache, once.
 *
 * A file that is there already is taken if it begins and ends with the rows that it must begin and end with; else it is made anew under
 * another name and renamed, so that nobody ever sees half a file. */
#include "compare/input/orders.h"

#include "compare/stats/measure.h"
#include "records/gen/gen.h"
#include "say.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORDERS_VERSION "v1"     /* of what gen.h writes: raise it whenever the same seed gives other rows */
enum { ORDERS_ROWS = 2000000, SEED = 1, SAMPLE_ROWS = 100 };

/* ---- a file that is there already ---------------------------------------------------------------------------------------- */

static bool has(int fd, off_t at, const char *text, size_t size)
{
    char *found = malloc(size);
    bool is_same = found && at >= 0 && pread(fd, found, size, at) == (ssize_t)size && memcmp(found, text, size) == 0;
    free(found);
    return is_same;
}

/* The rows lo .. lo + SAMPLE_ROWS stand at byte `at`; negative: at the end. */
static bool has_rows(int fd, uint64_t lo, off_t at)
{
    struct stat stat;
    char *text;
    size_t size;
    if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode) || gen_rows(SEED, lo, lo + SAMPLE_ROWS, &text, &size) < 0)
        return false;
    bool is_same = has(fd, at >= 0 ? at : stat.st_size - (off_t)size, text, size);
    free(text);
    return is_same;
}

static bool is_ready(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    size_t header = strlen(GEN_HEADER);
    bool is_same = has(fd, 0, GEN_HEADER, header) && has_rows(fd, 0, (off_t)header) && has_rows(fd, ORDERS_ROWS - SAMPLE_ROWS, -1);
    close(fd);
    return is_same;
}

/* ---- making it ----------------------------------------------------------------------------------------------------------- */

static int make_file(const char *path)
{
    char draft[PATH_MAX];
    if (snprintf(draft, sizeof draft, "%s.XXXXXX", path) >= (int)sizeof draft)
        return -ENAMETOOLONG;
    int fd = mkostemp(draft, O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = gen_write(SEED, ORDERS_ROWS, fd);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(draft, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(draft);
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
    if (r == -EINTR)
        return SAY_INTERRUPTED;
    (void)say_error(SAY_MISSING, "cannot make the data to measure with: %s, in %s", strerror(-r), path);
    say_hint("name another place for its 181 MB: XDG_CACHE_HOME=/some/folder prong compare; or use data of your own: --input "
             "FILE.csv");
    return SAY_MISSING;
}

static int get(char *path)
{
    char rows[TEXT_SIZE];
    int r = make_folder(path, PATH_MAX - sizeof "/orders-2000000-v1.csv.XXXXXX");
    if (r < 0)
        return say_failure(r, path);
    sprintf(path + strlen(path), "/orders-%d-" ORDERS_VERSION ".csv", ORDERS_ROWS);
    if (is_ready(path))
        return SAY_OK;
    double start = measure_now();
    r = make_file(path);
    if (r < 0)
        return say_failure(r, path);
    say_note("made %s orders by seed %d in %.1f s, for this and later runs: %s", text_count(ORDERS_ROWS, rows), SEED,
             measure_now() - start, path);
    return SAY_OK;
}

int orders_get(char *ret_path, char *ret_source, size_t source_size)
{
    char rows[TEXT_SIZE];
    snprintf(ret_source, source_size, "%s orders of a T-shirt shop, made by seed %d", text_count(ORDERS_ROWS, rows), SEED);
    return get(ret_path);
}
