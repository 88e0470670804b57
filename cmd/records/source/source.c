/* source.c - words to files, and what each of them begins with.
 *
 * Every file is begun as a stream, whatever it is, and its first record is read from that. One that can be opened by its name again is then
 * closed; of others (standard input, pipes) the stream waits, with what was read of it put back, for stream_open(). */
#include "records/source/source.h"

#include "nearest.h"
#include "records/source/header.h"
#include "records/source/stream.h"
#include "records/source/unpack.h"
#include "say.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MOST = 1 << 16, HEADER_MOST = 16 << 20, HEADER_FIRST = 64 << 10 };

static int no_memory(void)
{
    return say_error(SAY_BAD_INPUT, "no memory for the list of files");
}

/* ---- words to files ------------------------------------------------------------------------------------------------------ */

static int add_file(struct sources *s, const char *name)
{
    if (s->n == FILES_MOST)
        return say_error(SAY_BAD_INPUT, "more than %d files", FILES_MOST);
    if ((s->n & (s->n + 1)) == 0) {         /* room for 2 n + 1 more, when n is one less than a power of two */
        size_t room = 2 * (size_t)s->n + 1;
        struct source_file *file = realloc(s->file, room * sizeof *file);
        s->file = file ? file : s->file;
        char **shown = file ? realloc(s->own->shown, room * sizeof *shown) : NULL;
        s->own->shown = shown ? shown : s->own->shown;
        struct stream **waiting = shown ? realloc(s->own->waiting, room * sizeof *waiting) : NULL;
        s->own->waiting = waiting ? waiting : s->own->waiting;
        if (!waiting)
            return no_memory();
    }
    struct source_file *f = &s->file[s->n];
    memset(f, 0, sizeof *f);
    char folder[PATH_MAX] = "";
    bool is_whole = name[0] == '/' || strcmp(name, "-") == 0;
    if (!is_whole && !getcwd(folder, sizeof folder))
        return say_error(SAY_BAD_INPUT, "%s: the current folder has no name: %s", name, strerror(errno));
    int size = snprintf(f->path, sizeof f->path, "%s%s%s", folder, is_whole ? "" : "/", name);
    if (size >= (int)sizeof f->path)
        return say_error(SAY_BAD_INPUT, "%s: the name is too long", name);
    s->own->waiting[s->n] = NULL;
    s->own->shown[s->n] = strdup(name);
    if (!s->own->shown[s->n])
        return no_memory();
    s->n++;
    return SAY_OK;
}

static int add_pattern(struct sources *s, const char *word)
{
    glob_t found;
    int r = glob(word, GLOB_ERR, NULL, &found);
    if (r == GLOB_NOMATCH) {
        (void)say_error(SAY_BAD_INPUT, "%s: no file has such a name", word);
        say_hint("see which are there: ls");
        return SAY_BAD_INPUT;
    }
    if (r != 0)
        return say_error(SAY_BAD_INPUT, "%s: %s", word, r == GLOB_NOSPACE ? "no memory for the names" : "a folder in it cannot be read");
    int status = SAY_OK;
    for (size_t i = 0; status == SAY_OK && i < found.gl_pathc; i++)
        status = add_file(s, found.gl_pathv[i]);
    globfree(&found);
    return status;
}

static int add_word(struct sources *s, const char *word)
{
    struct stat st;
    if (strcmp(word, "-") != 0 && stat(word, &st) != 0 && strpbrk(word, "*?["))
        return add_pattern(s, word);
    return add_file(s, word);
}

/* ---- what cannot be read ------------------------------------------------------------------------------------------------- */

static void say_nearest_file(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    char best[NAME_MAX + 1] = "";
    for (struct dirent *entry; (entry = readdir(dir));) {
        const char *pair[] = { best[0] ? best : NULL, entry->d_name };
        if (nearest_of(slash ? slash + 1 : path, pair, 2) == entry->d_name)
            snprintf(best, sizeof best, "%s", entry->d_name);
    }
    closedir(dir);
    if (best[0])
        say_hint("did you mean '%.*s%s'?", slash ? (int)(slash - path) + 1 : 0, path, best);
    else
        say_hint("see what is there: ls -l '%s'", folder);
}

static int cannot_open(const char *name)
{
    int error = errno;
    (void)say_error(SAY_BAD_INPUT, "%s: it cannot be opened: %s", name, strerror(error));
    if (error == ENOENT)
        say_nearest_file(name);
    return SAY_BAD_INPUT;
}

static int is_folder(const char *name)
{
    (void)say_error(SAY_BAD_INPUT, "%s: expected a file, found a folder", name);
    say_hint("name the files in it: '%s%s*.csv'", name, name[strlen(name) - 1] == '/' ? "" : "/");
    return SAY_BAD_INPUT;
}

/* What is known not to be CSV by its first bytes: better said so than as a strange character somewhere in it. */
static int refuse_other_kinds(const char *name, const struct stream *stream)
{
    static const struct { const char *first; size_t size; const char *what, *command; } other[] = {
        { "BZh", 3, "data packed by bzip2", "bzip2 -dc" },
        { "\xfd" "7zXZ", 6, "data packed by xz", "xz -dc" },
        { "\x04\x22\x4d\x18", 4, "data packed by lz4", "lz4 -dc" },
        { "PK\x03\x04", 4, "a ZIP archive, or a spreadsheet", "unzip -p" },
        { "PAR1", 4, "a Parquet file", NULL },
        { "\xff\xfe", 2, "text in UTF-16", "iconv -f UTF-16 -t UTF-8" },
        { "\xfe\xff", 2, "text in UTF-16", "iconv -f UTF-16 -t UTF-8" } };
    const char *text;
    size_t size = stream_peek(stream, &text);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        if (size < other[i].size || memcmp(text, other[i].first, other[i].size) != 0)
            continue;
        (void)say_error(SAY_BAD_INPUT, "%s: expected CSV, found %s", name, other[i].what);
        if (other[i].command)
            say_hint("%s '%s' | prong records ... -", other[i].command, name);
        return SAY_BAD_INPUT;
    }
    return SAY_OK;
}

static int refuse_missing_packing(const char *name, enum packing packing)
{
    const char *package;
    if (packing_is_there(packing, &package))
        return SAY_OK;
    const char *packer = packing == PACKED_GZIP ? "gzip" : "zstd";
    (void)say_error(SAY_MISSING, "%s: it is packed by %s, which this prong was built without (Debian: %s)", name, packer, package);
    say_hint("%s -dc '%s' | prong records ... -", packer, name);
    return SAY_MISSING;
}

static int begin_stream(struct sources *s, uint32_t file, struct stream **ret_stream)
{
    struct source_file *f = &s->file[file];
    const char *shown = s->own->shown[file];
    struct stat st;
    struct flaw flaw;
    int fd = strcmp(f->path, "-") == 0 ? STDIN_FILENO : open(f->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return cannot_open(shown);
    if (S_ISDIR(st.st_mode)) {
        close(fd);
        return is_folder(shown);
    }
    if (S_ISREG(st.st_mode) && fd != STDIN_FILENO) {
        f->size = (uint64_t)st.st_size;
        f->device = st.st_dev;
        f->inode = st.st_ino;
        f->changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    }
    if (stream_begin(fd, file, ret_stream, &flaw) != 0)
        return sources_say_flaw(s, &flaw);
    f->packing = stream_packing(*ret_stream);
    f->is_stream = f->packing != PACKED_NOT || f->inode == 0;
    int status = refuse_other_kinds(shown, *ret_stream);
    if (status == SAY_OK)
        status = refuse_missing_packing(shown, f->packing);
    if (status != SAY_OK)
        stream_close(*ret_stream);
    return status;
}

/* ---- headers ------------------------------------------------------------------------------------------------------------- */

/* The text of a stream as far as it was read, and its first record in it: text[mark .. mark + size). */
struct beginning {
    char *text;
    size_t n, room;
    size_t mark, size;      /* a byte order mark, and the record with its end of line */
    bool is_all;
};

static int more_text(struct beginning *b, struct stream *stream, uint32_t file, struct flaw *ret_flaw)
{
    if (b->n == b->room) {
        size_t room = b->room ? 2 * b->room : HEADER_FIRST;
        char *text = room <= HEADER_MOST ? realloc(b->text, room) : NULL;
        if (!text)
            return flaw_set(ret_flaw, FLAW_LONG, place_of(file, 0), "expected a first line of at most %d bytes, found no end of it",
                            HEADER_MOST);
        b->text = text;
        b->room = room;
    }
    int64_t n = stream_read(stream, b->text + b->n, b->room - b->n, ret_flaw);
    if (n < 0)
        return ret_flaw->kind;
    b->n += (size_t)n;
    b->is_all = n == 0;
    return 0;
}

static int read_beginning(struct stream *stream, uint32_t file, char quote, struct beginning *b, struct flaw *ret_flaw)
{
    while (b->size == 0) {
        if (more_text(b, stream, file, ret_flaw) != 0)
            return ret_flaw->kind;
        b->mark = b->n >= 3 && memcmp(b->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        b->size = header_size(b->text + b->mark, b->n - b->mark, b->is_all, quote);
        if (b->is_all)
            break;
    }
    return 0;
}

static int say_empty(const char *shown, const struct source_opts *opts, bool has_line)
{
    const char *what = opts->has_header ? "a line with the names of the columns" : "rows";
    (void)say_error(SAY_BAD_INPUT, "%s: expected %s, found %s", shown, what, has_line ? "an empty line" : "nothing at all");
    if (!has_line)
        say_hint("look whether what writes it has done so: ls -l '%s'", shown);
    else
        say_hint("the names stand in the first line; without names: --header=no");
    return SAY_BAD_INPUT;
}

/* c1, c2, ... instead of all names, or of the empty ones. Their text takes the place of names->text. */
static int name_by_number(struct source_own *own, uint32_t n, bool all)
{
    size_t size = 0;
    char number[16];
    for (uint32_t i = 0; i < n; i++)
        size += all || !own->names[i][0] ? (size_t)snprintf(number, sizeof number, "c%" PRIu32, i + 1) + 1 : strlen(own->names[i]) + 1;
    char *text = malloc(size ? size : 1), *to = text;
    if (!text)
        return no_memory();
    for (uint32_t i = 0; i < n; i++) {
        snprintf(number, sizeof number, "c%" PRIu32, i + 1);
        const char *name = all || !own->names[i][0] ? number : own->names[i];
        size_t one = strlen(name) + 1;
        memcpy(to, name, one);
        own->names[i] = to;
        to += one;
    }
    free(own->text);
    own->text = text;
    return SAY_OK;
}

/* A column's name and number. */
struct named { const char *name; uint32_t i; };

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->i > y->i) - (x->i < y->i);
}

/* The pair whose second is the first in the header. */
static int refuse_same_names(const char *shown, char *const names[], uint32_t n)
{
    struct named *sorted = malloc((size_t)n * sizeof *sorted), *same = NULL;
    if (!sorted)
        return no_memory();
    for (uint32_t i = 0; i < n; i++)
        sorted[i] = (struct named){ names[i], i };
    qsort(sorted, n, sizeof *sorted, by_name);
    for (uint32_t i = 1; i < n; i++)
        if (strcmp(sorted[i - 1].name, sorted[i].name) == 0 && (!same || sorted[i].i < same->i))
            same = &sorted[i];
    if (same) {
        char excerpt[FLAW_EXCERPT];
        flaw_excerpt(same->name, strlen(same->name), excerpt);
        (void)say_error(SAY_BAD_INPUT, "%s: columns %" PRIu32 " and %" PRIu32 " have the same name '%s'",
                        shown, same[-1].i + 1, same->i + 1, excerpt);
        say_hint("rename one of them; or without names: --header=no, behind the first line (tail -n +2)");
    }
    free(sorted);
    return same ? SAY_BAD_INPUT : SAY_OK;
}

/* The columns of the beginning, as own->names; what was there before is gone. */
static int take_names(struct sources *s, uint32_t file, const struct beginning *b, const struct source_opts *opts, uint32_t *ret_n)
{
    struct flaw flaw;
    const char *record = b->text + b->mark;
    size_t size = b->size;
    size -= size > 0 && record[size - 1] == '\n';
    size -= size > 0 && record[size - 1] == '\r';
    if (size == 0)
        return say_empty(s->own->shown[file], opts, b->size > 0);
    if (!s->delimiter)
        s->delimiter = header_delimiter(record, size, opts->quote);
    s->own->text = malloc(size + 1);
    if (!s->own->text)
        return no_memory();
    memcpy(s->own->text, record, size);
    if (header_names(s->own->text, size, s->delimiter, opts->quote, place_of(file, b->mark), &s->own->names, ret_n, &flaw) != 0)
        return sources_say_flaw(s, &flaw);
    int status = name_by_number(s->own, *ret_n, !opts->has_header);
    return status == SAY_OK ? refuse_same_names(s->own->shown[file], s->own->names, *ret_n) : status;
}

static int say_other_columns(const struct sources *s, uint32_t file, char *const first[], uint32_t n)
{
    const char *shown = s->own->shown[file], *other = s->own->shown[0];
    char a[FLAW_EXCERPT], b[FLAW_EXCERPT];
    uint32_t i = 0, both = n < s->columns.n ? n : s->columns.n;
    while (i < both && strcmp(first[i], s->own->names[i]) == 0)
        i++;
    if (i == both && n == s->columns.n)
        return SAY_OK;
    if (i == both)
        (void)say_error(SAY_BAD_INPUT, "%s: expected the columns of %s, %" PRIu32 ", found %" PRIu32, shown, other, n, s->columns.n);
    else
        (void)say_error(SAY_BAD_INPUT, "%s: expected the columns of %s: column %" PRIu32 " is '%s' there, found '%s'", shown, other, i + 1,
            flaw_excerpt(first[i], strlen(first[i]), a), flaw_excerpt(s->own->names[i], strlen(s->own->names[i]), b));
    say_hint("files of one job have the same columns in the same order: head -qn 1 '%s' '%s'", other, shown);
    return SAY_BAD_INPUT;
}

/* The first file says what the columns are, the others have the same. */
static int take_columns(struct sources *s, uint32_t file, const struct beginning *b, const struct source_opts *opts)
{
    struct source_own *own = s->own;
    char **first = own->names, *text = own->text;
    uint32_t n_first = s->columns.n;
    own->names = NULL;
    own->text = NULL;
    int status = take_names(s, file, b, opts, &s->columns.n);
    if (file == 0)
        return status;
    if (status == SAY_OK)
        status = say_other_columns(s, file, first, n_first);
    free(own->names);
    free(own->text);
    own->names = first;
    own->text = text;
    s->columns.n = n_first;
    return status;
}

static int look_at(struct sources *s, uint32_t file, const struct source_opts *opts)
{
    struct stream *stream;
    struct flaw flaw;
    struct beginning b = { 0 };
    int status = begin_stream(s, file, &stream);
    if (status != SAY_OK)
        return status;
    if (read_beginning(stream, file, opts->quote, &b, &flaw) != 0)
        status = sources_say_flaw(s, &flaw);
    else
        status = take_columns(s, file, &b, opts);
    s->file[file].first = b.mark + (opts->has_header ? b.size : 0);
    if (status == SAY_OK && s->file[file].inode == 0) {
        stream_give_back(stream, b.text, b.n);
        s->own->waiting[file] = stream;
        return SAY_OK;
    }
    free(b.text);
    stream_close(stream);
    return status;
}

/* ---- all of them --------------------------------------------------------------------------------------------------------- */

static int refuse_second_input(const struct sources *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++)
        n += strcmp(s->file[i].path, "-") == 0;
    return n < 2 ? SAY_OK : say_error(SAY_USAGE, "standard input (-) is given %" PRIu32 " times, and can be read but once", n);
}

int sources_open(const char *const words[], size_t n, const struct source_opts *opts, struct sources *ret_sources)
{
    struct sources s = { .delimiter = opts->delimiter, .own = calloc(1, sizeof *s.own) };
    int status = s.own ? SAY_OK : no_memory();
    for (size_t i = 0; status == SAY_OK && i < n; i++)
        status = add_word(&s, words[i]);
    if (status == SAY_OK)
        status = refuse_second_input(&s);
    for (uint32_t i = 0; status == SAY_OK && i < s.n; i++)
        status = look_at(&s, i, opts);
    if (status != SAY_OK) {
        sources_close(&s);
        return status;
    }
    s.columns.name = (const char *const *)s.own->names;
    *ret_sources = s;
    return SAY_OK;
}

void sources_close(struct sources *sources)
{
    struct source_own *own = sources->own;
    for (uint32_t i = 0; own && i < sources->n; i++) {
        free(own->shown[i]);
        stream_close(own->waiting[i]);
    }
    if (own) {
        free(own->shown);
        free(own->waiting);
        free(own->names);
        free(own->text);
        free(own);
    }
    free(sources->file);
    memset(sources, 0, sizeof *sources);
}
