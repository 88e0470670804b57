/* test_options.c - what each kind of option makes of a command line. */
#include "harness.h"

#include "nearest.h"
#include "options.h"
#include "say.h"

#include <string.h>

struct request {
    bool flag;
    const char *text, *choice, *maybe;
    uint32_t count, maybe_count, rate;
};

static const char *name(size_t i)
{
    static const char *const names[] = { "red", "green" };
    return i < 2 ? names[i] : NULL;
}

#define AT(member) offsetof(struct request, member)
static const struct option options[] = {
    { .name = "--flag", .kind = OPTION_FLAG, .at = AT(flag), .help = "a flag" },
    { .name = "--text", .value = "TEXT", .kind = OPTION_TEXT, .at = AT(text), .help = "a text" },
    { .name = "--colour", .value = "COLOUR", .kind = OPTION_CHOICE, .at = AT(choice), .names = name, .help = "one of two" },
    { .name = "--python", .value = "PATH", .kind = OPTION_MAYBE, .at = AT(maybe), .bare_text = "python3", .help = "maybe a path" },
    { .name = "--count", .value = "N", .kind = OPTION_COUNT, .most = 9, .at = AT(count), .help = "a count" },
    { .name = "--wait", .value = "S", .kind = OPTION_MAYBE_COUNT, .most = 99, .bare_count = 60, .at = AT(maybe_count), .help = "maybe" },
    { .name = "--rate", .value = "N", .kind = OPTION_COUNT, .zero = true, .most = 9, .at = AT(rate), .help = "a count that may be 0" },
    { 0 }
};
static const struct command command = { .name = "sample", .summary = "a sample", .options = options };

/* Up to three words; NULL ends them. */
static int read_words(struct request *request, const char *a, const char *b, const char *c)
{
    static char words[4][32] = { "sample" };
    const char *given[] = { a, b, c };
    char *argv[4] = { words[0] };
    int argc = 1;
    for (; argc < 4 && given[argc - 1]; argc++)
        argv[argc] = strcpy(words[argc], given[argc - 1]);
    *request = (struct request){ .count = 5 };
    return options_read(&command, request, argc, argv);
}

START_TEST(a_value_stands_behind_a_space_or_an_equals_sign)
{
    struct request r;
    ck_assert_int_eq(read_words(&r, "--text", "--flag", NULL), SAY_OK);
    ck_assert(!r.flag);
    ck_assert_str_eq(r.text, "--flag");
    ck_assert_int_eq(read_words(&r, "--flag", "--text=a=b", "--count=9"), SAY_OK);
    ck_assert(r.flag && r.count == 9);
    ck_assert_str_eq(r.text, "a=b");
    ck_assert_int_eq(read_words(&r, "--colour=green", NULL, NULL), SAY_OK);
    ck_assert_str_eq(r.choice, "green");
    ck_assert_uint_eq(r.count, 5);
    ck_assert_ptr_null(r.text);
}
END_TEST

START_TEST(a_value_that_may_be_left_out_needs_the_equals_sign)
{
    struct request r;
    ck_assert_int_eq(read_words(&r, "--python", "--wait", NULL), SAY_OK);
    ck_assert_str_eq(r.maybe, "python3");
    ck_assert_uint_eq(r.maybe_count, 60);
    ck_assert_int_eq(read_words(&r, "--python=/usr/bin/pypy", "--wait=7", NULL), SAY_OK);
    ck_assert_str_eq(r.maybe, "/usr/bin/pypy");
    ck_assert_uint_eq(r.maybe_count, 7);
    ck_assert_int_eq(read_words(&r, "--wait", "7", NULL), SAY_USAGE);
    ck_assert_int_eq(read_words(&r, "--wait=", NULL, NULL), SAY_USAGE);
    ck_assert_int_eq(read_words(&r, "--wait=100", NULL, NULL), SAY_USAGE);
}
END_TEST

START_TEST(what_is_no_option_or_no_value_is_refused)
{
    static const char *const wrong[][2] = { { "--fla" }, { "--flag=1" }, { "--text" }, { "--colour", "blue" }, { "--count=0" }, { "--count=10" },
                                            { "--count", "+1" }, { "--count= 1" }, { "--count=" }, { "word" }, { "-f" }, { "" }, { "--" } };
    struct request r;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_int_eq(read_words(&r, wrong[i][0], wrong[i][1], NULL), SAY_USAGE);
}
END_TEST

START_TEST(a_count_may_be_zero_where_the_table_says_so)
{
    struct request r;
    ck_assert_int_eq(read_words(&r, "--rate", "0", NULL), SAY_OK);
    ck_assert_uint_eq(r.rate, 0);
    ck_assert_int_eq(read_words(&r, "--rate=10", NULL, NULL), SAY_USAGE);
    ck_assert_int_eq(read_words(&r, "--count=0", NULL, NULL), SAY_USAGE);
}
END_TEST

START_TEST(which_options_were_given_is_told)
{
    char words[][10] = { "sample", "--flag", "--count", "7", "--count=8" };
    char *argv[] = { words[0], words[1], words[2], words[3], words[4] };
    struct request r = { 0 };
    bool given[8] = { false };
    ck_assert_int_eq(options_read_given(&command, &r, 5, argv, given), SAY_OK);
    for (size_t i = 0; option_of(&command, i); i++)
        ck_assert_int_eq(given[i], strcmp(option_of(&command, i)->name, "--flag") == 0 || strcmp(option_of(&command, i)->name, "--count") == 0);
}
END_TEST

/* ---- letters, options that may be given several times, words ---- */

struct job {
    struct words each, files;
    uint32_t count;
};
static const struct option job_options[] = {
    { .name = "--each", .letter = "-e", .value = "TEXT", .kind = OPTION_EACH, .at = offsetof(struct job, each), .help = "several" },
    { .name = "--count", .letter = "-c", .value = "N", .kind = OPTION_COUNT, .most = 99, .at = offsetof(struct job, count), .help = "a count" },
    { 0 }
};
static const struct command job_command = { .name = "job", .summary = "a job", .options = job_options, .words = "FILE...",
                                            .words_at = offsetof(struct job, files) };

static void assert_words(const struct words *words, const char *joined)
{
    char text[256] = "";
    for (size_t i = 0; i < words->n; i++) {
        strcat(text, i ? " " : "");
        strcat(text, words->word[i]);
    }
    ck_assert_str_eq(text, joined);
}

static int read_job(struct job *job, const char *line)
{
    static char text[256];
    char *argv[16], *rest = strcpy(text, line);
    int argc = 0;
    while ((argv[argc] = strsep(&rest, " ")) != NULL)
        argc++;
    words_free(&job->each);
    words_free(&job->files);
    job->count = 0;
    return options_read(&job_command, job, argc, argv);
}

START_TEST(words_stand_among_options_and_letters_take_values_with_and_without_a_blank)
{
    struct job job = { 0 };
    ck_assert_int_eq(read_job(&job, "job one -e 1 two --each=2 -c7 - -e3 -- -e --count"), SAY_OK);
    assert_words(&job.each, "1 2 3");
    assert_words(&job.files, "one two - -e --count");
    ck_assert_uint_eq(job.count, 7);
    ck_assert_int_eq(read_job(&job, "job --count 9"), SAY_OK);
    ck_assert(job.count == 9 && job.files.n == 0 && job.each.n == 0);
    ck_assert_int_eq(read_job(&job, "job -c"), SAY_USAGE);
    ck_assert_int_eq(read_job(&job, "job -c100"), SAY_USAGE);
    ck_assert_int_eq(read_job(&job, "job -x"), SAY_USAGE);
    ck_assert_int_eq(read_job(&job, "job -e"), SAY_USAGE);
    words_free(&job.each);
    words_free(&job.files);
}
END_TEST

START_TEST(the_nearest_name_is_found)
{
    static const char *const names[] = { "--runs", NULL, "--json", "--engines", "--input" };
    ck_assert_str_eq(nearest_of("--run", names, 5), "--runs");
    ck_assert_str_eq(nearest_of("--jsno", names, 5), "--json");
    ck_assert_str_eq(nearest_of("--eng", names, 5), "--engines");
    ck_assert_ptr_null(nearest_of("--frobnicate", names, 5));
    ck_assert_ptr_null(nearest_of("--", names, 5));
    ck_assert_ptr_null(nearest_of("", names, 5));
}
END_TEST

int main(int argc, char **argv)
{
    add_case(a_value_stands_behind_a_space_or_an_equals_sign);
    add_case(a_value_that_may_be_left_out_needs_the_equals_sign);
    add_case(a_count_may_be_zero_where_the_table_says_so);
    add_case(which_options_were_given_is_told);
    add_case(what_is_no_option_or_no_value_is_refused);
    add_case(words_stand_among_options_and_letters_take_values_with_and_without_a_blank);
    add_case(the_nearest_name_is_found);
    return run_cases(argc, argv);
}
