/* records/source: real files of each kind, in a folder of their own; what is said is read from standard error. */
#include "harness.h"
#include "records/source/source.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#if HAVE_ZLIB
#include <zlib.h>
#endif
#if HAVE_ZSTD
#include <zstd.h>
#endif

/* ---- files --------------------------------------------------------------------------------------------------------------- */

static char folder[] = "/tmp/prong-source-XXXXXX";

static void enter_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void leave_folder(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
}

static void write_bytes(const char *name, const char *text, size_t size)
{
    FILE *file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* ---- what is said -------------------------------------------------------------------------------------------------------- */

static char said[4096];
static int kept = -1, caught = -1;

static void listen_to_errors(void)
{
    fflush(stderr);
    kept = dup(STDERR_FILENO);
    caught = open("said", O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert(kept >= 0 && caught >= 0);
    dup2(caught, STDERR_FILENO);
}

static void stop_listening(void)
{
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    ssize_t n = pread(caught, said, sizeof said - 1, 0);
    ck_assert(n >= 0);
    said[n] = '\0';
    close(caught);
    ck_assert_int_eq(unlink("said"), 0);
    fprintf(stderr, "%s", said);
}

static struct sources sources;
static const struct source_opts usual = { .quote = '"', .has_header = true };

static int open_with(const struct source_opts *opts, const char *const words[], size_t n)
{
    listen_to_errors();
    int status = sources_open(words, n, opts, &sources);
    stop_listening();
    return status;
}

static int open_one(const char *word)
{
    return open_with(&usual, (const char *const[]){ word }, 1);
}

static void expect_refused(int status, const char *word, const char *message)
{
    ck_assert_int_eq(open_one(word), status);
    ck_assert_msg(strstr(said, message) != NULL, "wanted '%s', said: %s", message, said);
}

/* ---- what is read -------------------------------------------------------------------------------------------------------- */

static char text[1 << 22];

/* The whole stream into `text`, in pieces of `piece` bytes; its size, or -1 with a flaw. */
static int64_t read_all(uint32_t file, size_t piece, struct flaw *ret_flaw)
{
    struct stream *stream;
    int64_t n = 0, some;
    if (stream_open(&sources, file, &stream, ret_flaw) != 0)
        return -1;
    while ((some = stream_read(stream, text + n, piece, ret_flaw)) > 0)
        n += some;
    stream_close(stream);
    return some < 0 ? -1 : n;
}

static void expect_columns(const char *const names[], uint32_t n)
{
    ck_assert_uint_eq(sources.columns.n, n);
    for (uint32_t i = 0; i < n; i++)
        ck_assert_str_eq(sources.columns.name[i], names[i]);
}

/* ---- headers ------------------------------------------------------------------------------------------------------------- */

START_TEST(the_header_names_the_columns_and_rows_begin_behind_it)
{
    enter_folder();
    write_text("a.csv", "a, b ,\"c \"\"d\"\"\",\"e,\nf\"\r\n1,2,3,4\n");
    ck_assert_int_eq(open_one("a.csv"), SAY_OK);
    expect_columns((const char *const[]){ "a", "b", "c \"d\"", "e,\nf" }, 4);
    ck_assert(sources.n == 1 && sources.delimiter == ',' && !sources.file[0].is_stream && sources.file[0].packing == PACKED_NOT);
    ck_assert_uint_eq(sources.file[0].first, strlen("a, b ,\"c \"\"d\"\"\",\"e,\nf\"\r\n"));
    ck_assert_uint_eq(sources.file[0].size, strlen("a, b ,\"c \"\"d\"\"\",\"e,\nf\"\r\n1,2,3,4\n"));
    ck_assert(sources.file[0].path[0] == '/' && strstr(sources.file[0].path, "/a.csv"));
    sources_close(&sources);
    leave_folder();
}
END_TEST

START_TEST(a_byte_order_mark_is_passed_over)
{
    enter_folder();
    write_text("a.csv", "\xef\xbb\xbf" "a,b\n1,2\n");
    ck_assert_int_eq(open_one("a.csv"), SAY_OK);
    expect_columns((const char *const[]){ "a", "b" }, 2);
    ck_assert_uint_eq(sources.file[0].first, 7);
    sources_close(&sources);
    leave_folder();
}
END_TEST

START_TEST(the_delimiter_is_what_the_header_has_most_of_outside_quotes)
{
    static const struct { const char *text; char delimiter; uint32_t n; } want[] = {
        { "a;b;c,d\n", ';', 3 }, { "a\tb\n", '\t', 2 }, { "a|b|c\n", '|', 3 }, { "a\n", ',', 1 }, { "\"a,b,c\";d\n", ';', 2 },
        { "a,b;c\n", ',', 2 } };
    enter_folder();
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        write_text("a.csv", want[i].text);
        ck_assert_int_eq(open_one("a.csv"), SAY_OK);
        ck_assert(sources.delimiter == want[i].delimiter && sources.columns.n == want[i].n);
        sources_close(&sources);
    }
    struct source_opts opts = usual;
    opts.delimiter = ':';
    write_text("a.csv", "a:b,c,d\n");
    ck_assert_int_eq(open_with(&opts, (const char *const[]){ "a.csv" }, 1), SAY_OK);
    expect_columns((const char *const[]){ "a", "b,c,d" }, 2);
    sources_close(&sources);
    leave_folder();
}
END_TEST

START_TEST(without_a_header_columns_are_numbered)
{
    struct source_opts opts = usual;
    opts.has_header = false;
    enter_folder();
    write_text("a.csv", "\xef\xbb\xbf" "1,1,\"x\"\n");
    ck_assert_int_eq(open_with(&opts, (const char *const[]){ "a.csv" }, 1), SAY_OK);
    expect_columns((const char *const[]){ "c1", "c2", "c3" }, 3);
    ck_assert_uint_eq(sources.file[0].first, 3);
    sources_close(&sources);
    leave_folder();
}
END_TEST

START_TEST(an_empty_name_becomes_its_number_and_equal_names_are_refused)
{
    enter_folder();
    write_text("a.csv", "a,,\"\", \nx");
    ck_assert_int_eq(open_one("a.csv"), SAY_OK);
    expect_columns((const char *const[]){ "a", "c2", "c3", "c4" }, 4);
    sources_close(&sources);
    write_text("a.csv", "a,b,c,b,a\n");
    expect_refused(SAY_BAD_INPUT, "a.csv", "a.csv: columns 2 and 4 have the same name 'b'");
    write_text("a.csv", "c2,\n");
    expect_refused(SAY_BAD_INPUT, "a.csv", "columns 1 and 2 have the same name 'c2'");
    leave_folder();
}
END_TEST

START_TEST(a_header_may_be_the_last_line_and_need_not_end)
{
    enter_folder();
    write_text("a.csv", "a,b");
    ck_assert_int_eq(open_one("a.csv"), SAY_OK);
    expect_columns((const char *const[]){ "a", "b" }, 2);
    ck_assert_uint_eq(sources.file[0].first, 3);
    sources_close(&sources);
    leave_folder();
}
END_TEST

START_TEST(a_header_may_be_longer_than_a_buffer)
{
    enter_folder();
    size_t at = 0;
    for (int i = 0; i < 100000; i++)
        at += (size_t)sprintf(text + at, "%scolumn_%d", i ? "," : "", i);
    strcpy(text + at, "\n1\n");
    write_text("a.csv", text);
    ck_assert_int_eq(open_one("a.csv"), SAY_OK);
    ck_assert_uint_eq(sources.columns.n, 100000);
    ck_assert_str_eq(sources.columns.name[99999], "column_99999");
    ck_assert_uint_eq(sources.file[0].first, at + 1);
    sources_close(&sources);
    leave_folder();
}
END_TEST

START_TEST(a_header_with_wrong_quotes_is_refused_with_its_place)
{
    enter_folder();
    write_text("a.csv", "a,\"b\"x,c\n");
    expect_refused(SAY_BAD_INPUT, "a.csv", "a.csv:1: byte 5: expected a delimiter or the end of the line behind a quoted field");
    write_text("a.csv", "a,b\"x\"\n");
    expect_refused(SAY_BAD_INPUT, "a.csv", "byte 3: expected no quote inside a field");
    write_text("a.csv", "a,\"b\n1,2\n");
    expect_refused(SAY_BAD_INPUT, "a.csv", "byte 2: expected a quote at the end of this field");
    write_bytes("a.csv", "a,b\0c\n", 6);
    expect_refused(SAY_BAD_INPUT, "a.csv", "a byte of value 0");
    leave_folder();
}
END_TEST

START_TEST(what_has_no_header_is_refused)
{
    enter_folder();
    write_text("a.csv", "");
    expect_refused(SAY_BAD_INPUT, "a.csv", "a.csv: expected a line with the names of the columns, found nothing at all");
    write_text("a.csv", "\xef\xbb\xbf");
    expect_refused(SAY_BAD_INPUT, "a.csv", "found nothing at all");
    write_text("a.csv", "\na,b\n");
    expect_refused(SAY_BAD_INPUT, "a.csv", "found an empty line");
    write_text("a.csv", "\r\na,b\n");
    expect_refused(SAY_BAD_INPUT, "a.csv", "found an empty line");
    leave_folder();
}
END_TEST

/* ---- files and patterns -------------------------------------------------------------------------------------------------- */

START_TEST(patterns_give_their_files_in_order)
{
    enter_folder();
    write_text("b2.csv", "a,b\n");
    write_text("b1.csv", "a,b\r\n");
    write_text("[x].csv", "\"a\",b\n");
    write_text("c.txt", "other\n");
    ck_assert_int_eq(open_with(&usual, (const char *const[]){ "[x].csv", "b*.csv", "b1.csv" }, 3), SAY_OK);
    ck_assert_uint_eq(sources.n, 4);
    static const char *const want[] = { "/[x].csv", "/b1.csv", "/b2.csv", "/b1.csv" };
    for (int i = 0; i < 4; i++)
        ck_assert_ptr_nonnull(strstr(sources.file[i].path, want[i]));
    ck_assert(sources.file[1].first == 5 && sources.file[2].first == 4);
    sources_close(&sources);
    expect_refused(SAY_BAD_INPUT, "d*.csv", "d*.csv: no file has such a name");
    leave_folder();
}
END_TEST

START_TEST(files_with_other_columns_are_refused_with_both_names)
{
    static const char *const both[] = { "a.csv", "b.csv" };
    enter_folder();
    write_text("a.csv", "a,b,c\n");
    write_text("b.csv", "a,x,c\n");
    ck_assert_int_eq(open_with(&usual, both, 2), SAY_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(said, "b.csv: expected the columns of a.csv: column 2 is 'b' there, found 'x'"));
    write_text("b.csv", "a,b\n");
    ck_assert_int_eq(open_with(&usual, both, 2), SAY_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(said, "b.csv: expected the columns of a.csv, 3, found 2"));
    write_text("b.csv", "a;b;c\n");
    ck_assert_int_eq(open_with(&usual, both, 2), SAY_BAD_INPUT);
    leave_folder();
}
END_TEST

START_TEST(what_is_not_there_or_no_file_is_refused)
{
    enter_folder();
    write_text("orders.csv", "a\n");
    expect_refused(SAY_BAD_INPUT, "order.csv", "order.csv: it cannot be opened: No such file or directory");
    ck_assert_ptr_nonnull(strstr(said, "did you mean 'orders.csv'?"));
    ck_assert_int_eq(mkdir("d", 0700), 0);
    expect_refused(SAY_BAD_INPUT, "d", "d: expected a file, found a folder");
    ck_assert_ptr_nonnull(strstr(said, "d/*.csv"));
    write_text("a.csv", "PK\x03\x04rest");
    expect_refused(SAY_BAD_INPUT, "a.csv", "found a ZIP archive");
    write_bytes("a.csv", "\xff\xfe" "a\0,\0", 6);
    expect_refused(SAY_BAD_INPUT, "a.csv", "found text in UTF-16");
    ck_assert_int_eq(open_with(&usual, (const char *const[]){ "-", "-" }, 2), SAY_USAGE);
    leave_folder();
}
END_TEST

/* ---- packed -------------------------------------------------------------------------------------------------------------- */

static char plain[1 << 21];
static char packed[1 << 21];

static size_t make_plain(void)
{
    size_t n = (size_t)sprintf(plain, "a,b\n");
    for (int i = 0; n < sizeof plain - 64; i++)
        n += (size_t)sprintf(plain + n, "%d,%d\n", i, i * 7919 % 1000003);
    return n;
}

#if HAVE_ZLIB
static size_t gzip_to(char *out, size_t room, const char *from, size_t size)
{
    z_stream z = { 0 };
    ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)from;
    z.avail_in = (unsigned)size;
    z.next_out = (Bytef *)out;
    z.avail_out = (unsigned)room;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = room - z.avail_out;
    deflateEnd(&z);
    return n;
}
#endif

#if HAVE_ZSTD
static size_t zstd_to(char *out, size_t room, const char *from, size_t size)
{
    size_t n = ZSTD_compress(out, room, from, size, 3);
    ck_assert(!ZSTD_isError(n));
    return n;
}
#endif

typedef size_t pack_fn(char *out, size_t room, const char *from, size_t size);
static const struct { const char *name; enum packing packing; pack_fn *pack; } packer[] = {
#if HAVE_ZLIB
    { "a.csv.gz", PACKED_GZIP, gzip_to },
#endif
#if HAVE_ZSTD
    { "a.csv.zst", PACKED_ZSTD, zstd_to },
#endif
};
enum { PACKERS = sizeof packer / sizeof *packer };

START_TEST(packed_files_of_one_and_several_members_are_read_whole)
{
    struct flaw flaw;
    size_t n = make_plain();
    enter_folder();
    for (int k = 0; k < PACKERS; k++)
        for (size_t members = 1; members <= 5; members += 2) {
            size_t size = 0;
            for (size_t i = 0; i < members; i++) {
                size_t from = i == 0 ? 0 : n / members * i - (i > 1), to = i == members - 1 ? n : n / members * (i + 1) - (i > 0);
                size += packer[k].pack(packed + size, sizeof packed - size, plain + from, to - from);
            }
            write_bytes(packer[k].name, packed, size);
            ck_assert_int_eq(open_one(packer[k].name), SAY_OK);
            ck_assert(sources.file[0].packing == packer[k].packing && sources.file[0].is_stream && sources.file[0].first == 4);
            for (int again = 0; again < 2; again++) {
                ck_assert_int_eq(read_all(0, again ? 1 << 20 : 777, &flaw), (int64_t)n);
                ck_assert_mem_eq(text, plain, n);
            }
            sources_close(&sources);
        }
    leave_folder();
}
END_TEST

/* Opens and reads what has been written; the flaw is of packing. */
static void expect_damaged(const char *name)
{
    struct flaw flaw;
    int status = open_one(name);
    if (status != SAY_OK) {
        ck_assert_int_eq(status, SAY_BAD_INPUT);
        ck_assert_ptr_nonnull(strstr(said, "expected whole"));
        return;
    }
    ck_assert_int_eq(read_all(0, 1 << 16, &flaw), -1);
    ck_assert_int_eq(flaw.kind, FLAW_PACKED);
    listen_to_errors();
    ck_assert_int_eq(sources_say_flaw(&sources, &flaw), SAY_BAD_INPUT);
    stop_listening();
    ck_assert_ptr_nonnull(strstr(said, "expected whole"));
    sources_close(&sources);
}

START_TEST(truncated_packed_files_are_flawed_wherever_they_end)
{
    size_t n = make_plain();
    enter_folder();
    for (int k = 0; k < PACKERS; k++) {
        size_t size = packer[k].pack(packed, sizeof packed, plain, n);
        for (size_t cut = 4; cut < size; cut += cut < 40 ? 1 : size / 7) {     /* of less than 4 bytes zstd is not known */
            write_bytes(packer[k].name, packed, cut);
            expect_damaged(packer[k].name);
        }
        write_bytes(packer[k].name, packed, size - 1);
        expect_damaged(packer[k].name);
    }
    leave_folder();
}
END_TEST

START_TEST(damaged_packed_files_are_flawed)
{
    size_t n = make_plain();
    enter_folder();
    for (int k = 0; k < PACKERS; k++) {
        size_t size = packer[k].pack(packed, sizeof packed, plain, n), at = size / 2;
        packed[at] = (char)(packed[at] ^ 0x10);
        if (packer[k].packing == PACKED_ZSTD)      /* which has a checksum only if asked for */
            memset(packed + at, 0xff, size - at);
        write_bytes(packer[k].name, packed, size);
        expect_damaged(packer[k].name);
    }
    leave_folder();
}
END_TEST

START_TEST(other_bytes_behind_the_last_member_are_a_flaw)
{
    enter_folder();
    for (int k = 0; k < PACKERS; k++) {
        size_t size = packer[k].pack(packed, sizeof packed, "a,b\n1,2\n", 8);
        strcpy(packed + size, "3,4\n");
        write_bytes(packer[k].name, packed, size + 4);
        expect_damaged(packer[k].name);
    }
    leave_folder();
}
END_TEST

/* ---- streams ------------------------------------------------------------------------------------------------------------- */

/* A child that writes the text into the pipe or FIFO and goes. */
static pid_t feed(const char *fifo, int fd, const char *from, size_t size)
{
    pid_t child = fork();
    if (child == 0) {
        fd = fifo ? open(fifo, O_WRONLY) : fd;
        for (size_t at = 0; at < size;) {
            ssize_t n = write(fd, from + at, size - at < 10000 ? size - at : 10000);
            if (n < 0)
                _exit(1);
            at += (size_t)n;
        }
        _exit(0);
    }
    return child;
}

static void expect_child(pid_t child)
{
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
}

static void expect_stream(const char *word, pid_t child, size_t n)
{
    struct flaw flaw;
    ck_assert_int_eq(open_one(word), SAY_OK);
    ck_assert(sources.file[0].is_stream && sources.file[0].first == 4);
    ck_assert_int_eq(read_all(0, 100000, &flaw), (int64_t)n);
    ck_assert_mem_eq(text, plain, n);
    ck_assert_int_eq(read_all(0, 100000, &flaw), -1);       /* not twice */
    expect_child(child);
    flaw = (struct flaw){ .kind = FLAW_FIELDS, .at = place_of(0, 17), .text = "expected 2 fields, found 3" };
    listen_to_errors();
    ck_assert_int_eq(sources_say_flaw(&sources, &flaw), SAY_BAD_INPUT);
    stop_listening();
    ck_assert_ptr_nonnull(strstr(said, ": byte 17: expected 2 fields, found 3"));
    sources_close(&sources);
}

START_TEST(standard_input_and_pipes_are_read_once_from_their_first_byte_on)
{
    size_t n = make_plain();
    int ends[2];
    enter_folder();
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    expect_stream("fifo", feed("fifo", -1, plain, n), n);
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = feed(NULL, ends[1], plain, n);
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    expect_stream("-", child, n);
    leave_folder();
}
END_TEST

START_TEST(standard_input_may_be_packed)
{
    size_t n = make_plain();
    enter_folder();
    for (int k = 0; k < PACKERS; k++) {
        size_t size = packer[k].pack(packed, sizeof packed, plain, n);
        int ends[2];
        ck_assert_int_eq(pipe(ends), 0);
        pid_t child = feed(NULL, ends[1], packed, size);
        close(ends[1]);
        dup2(ends[0], STDIN_FILENO);
        close(ends[0]);
        expect_stream("-", child, n);
    }
    leave_folder();
}
END_TEST

/* ---- flaws --------------------------------------------------------------------------------------------------------------- */

START_TEST(a_flaw_is_told_with_its_line_also_of_a_packed_file)
{
    enter_folder();
    write_text("a.csv", "a,b\n\"1\n2\",3\n4\n");
    for (int k = -1; k < PACKERS; k++) {
        const char *name = k < 0 ? "a.csv" : packer[k].name;
        if (k >= 0) {
            size_t size = packer[k].pack(packed, sizeof packed, "a,b\n\"1\n2\",3\n4\n", 14);
            write_bytes(name, packed, size);
        }
        ck_assert_int_eq(open_one(name), SAY_OK);
        struct flaw flaw = { .kind = FLAW_FIELDS, .at = place_of(0, 12), .text = "expected 2 fields, found 1" };
        listen_to_errors();
        ck_assert_int_eq(sources_say_flaw(&sources, &flaw), SAY_BAD_INPUT);
        stop_listening();
        char want[80];
        sprintf(want, "prong: %s:4: byte 12: expected 2 fields, found 1\nhint: ", name);
        ck_assert_msg(strncmp(said, want, strlen(want)) == 0, "%s", said);
        sources_close(&sources);
    }
    leave_folder();
}
END_TEST

static void expect_changed(void)
{
    struct flaw flaw;
    ck_assert_int_eq(read_all(0, 10, &flaw), -1);
    ck_assert_int_eq(flaw.kind, FLAW_CHANGED);
    sources_close(&sources);
}

START_TEST(a_file_that_changed_is_not_read_again)
{
    static const struct timespec now[2] = { { .tv_sec = 1700000000 }, { .tv_sec = 1700000000 } };
    static const struct timespec later[2] = { { .tv_sec = 1700000000 }, { .tv_sec = 1700000000, .tv_nsec = 1000000 } };
    enter_folder();
    write_text("a.csv", "a,b\n1,2\n");
    ck_assert_int_eq(utimensat(AT_FDCWD, "a.csv", now, 0), 0);
    ck_assert_int_eq(open_one("a.csv"), SAY_OK);
    write_text("a.csv", "a,b\n1,2\n3,4\n");       /* larger, at the same time */
    ck_assert_int_eq(utimensat(AT_FDCWD, "a.csv", now, 0), 0);
    expect_changed();
    ck_assert_int_eq(open_one("a.csv"), SAY_OK);
    ck_assert_int_eq(utimensat(AT_FDCWD, "a.csv", later, 0), 0);
    expect_changed();
    ck_assert_int_eq(open_one("a.csv"), SAY_OK);
    write_text("b.csv", "a,b\n1,2\n3,4\n");       /* another, of the same time and size */
    ck_assert_int_eq(utimensat(AT_FDCWD, "b.csv", later, 0), 0);
    ck_assert_int_eq(rename("b.csv", "a.csv"), 0);
    expect_changed();
    leave_folder();
}
END_TEST

int main(int argc, char **argv)
{
    add_case(the_header_names_the_columns_and_rows_begin_behind_it);
    add_case(a_byte_order_mark_is_passed_over);
    add_case(the_delimiter_is_what_the_header_has_most_of_outside_quotes);
    add_case(without_a_header_columns_are_numbered);
    add_case(an_empty_name_becomes_its_number_and_equal_names_are_refused);
    add_case(a_header_may_be_the_last_line_and_need_not_end);
    add_case(a_header_may_be_longer_than_a_buffer);
    add_case(a_header_with_wrong_quotes_is_refused_with_its_place);
    add_case(what_has_no_header_is_refused);
    add_case(patterns_give_their_files_in_order);
    add_case(files_with_other_columns_are_refused_with_both_names);
    add_case(what_is_not_there_or_no_file_is_refused);
    add_case(packed_files_of_one_and_several_members_are_read_whole);
    add_case(truncated_packed_files_are_flawed_wherever_they_end);
    add_case(damaged_packed_files_are_flawed);
    add_case(other_bytes_behind_the_last_member_are_a_flaw);
    add_case(standard_input_and_pipes_are_read_once_from_their_first_byte_on);
    add_case(standard_input_may_be_packed);
    add_case(a_flaw_is_told_with_its_line_also_of_a_packed_file);
    add_case(a_file_that_changed_is_not_read_again);
    return run_cases(argc, argv);
}
