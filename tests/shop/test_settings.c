/* test_settings.c - command line over environment over file over defaults, where each came from, and secrets in files. */
#include "harness.h"

#include "say.h"
#include "settings/keyfile.h"
#include "settings/settings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct request {
    const char *config, *mail_from, *how;
    bool demo, check;
    uint32_t wait;
};

static const char *how_name(size_t i)
{
    static const char *const names[] = { "once", "resend" };
    return i < 2 ? names[i] : NULL;
}

#define AT(member) offsetof(struct request, member)
static const struct option options[] = {
    { .name = "--config", .value = "FILE", .kind = OPTION_FILE, .at = AT(config), .help = "a file" },
    { .name = "--check-config", .kind = OPTION_FLAG, .at = AT(check), .help = "a flag" },
    { .name = "--mail-from", .value = "TEXT", .kind = OPTION_TEXT, .at = AT(mail_from), .help = "a text" },
    { .name = "--how", .value = "HOW", .kind = OPTION_CHOICE, .at = AT(how), .names = how_name, .help = "one of two" },
    { .name = "--demo", .kind = OPTION_FLAG, .at = AT(demo), .help = "a flag" },
    { .name = "--wait-ms", .value = "N", .kind = OPTION_COUNT, .most = 100, .at = AT(wait), .help = "a count" },
    { 0 }
};
#undef AT
static const struct command command = { .name = "serve", .summary = "a sample", .options = options };

/* Reads the options of another command from the same file. */
struct other {
    const char *config, *mail_from;
    struct words words;
};
static const struct option other_options[] = {
    { .name = "--mail-from", .value = "TEXT", .kind = OPTION_TEXT, .at = offsetof(struct other, mail_from), .help = "a text" },
    { .name = "--config", .value = "FILE", .kind = OPTION_FILE, .at = offsetof(struct other, config), .help = "a file" },
    { 0 }
};
static const struct command other = { .name = "other", .summary = "a sample", .options = other_options, .words = "WORD...",
                                      .words_at = offsetof(struct other, words) };

static char folder[64], path[96], said[4096];
static struct settings settings;

/* In a folder of its own, which the case leaves to the end of the whole. */
static void begin(void)
{
    strcpy(folder, "/tmp/settings-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/shop.conf", folder);
}

static void end(void)
{
    settings_free(&settings);
    (void)unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void write_bytes(const char *text, size_t size)
{
    FILE *to = fopen(path, "we");
    ck_assert_ptr_nonnull(to);
    ck_assert_uint_eq(fwrite(text, 1, size, to), size);
    ck_assert_int_eq(fclose(to), 0);
}

static void write_text(const char *text)
{
    write_bytes(text, strlen(text));
}

/* What it says goes to `said`. */
static int saying(int (*call)(void *arg), void *arg)
{
    int own = dup(STDERR_FILENO);
    FILE *to = tmpfile();
    ck_assert(own >= 0 && to);
    (void)fflush(stderr);
    ck_assert_int_ge(dup2(fileno(to), STDERR_FILENO), 0);
    int status = call(arg);
    (void)fflush(stderr);
    ck_assert_int_ge(dup2(own, STDERR_FILENO), 0);
    ck_assert_int_eq(close(own), 0);
    rewind(to);
    said[fread(said, 1, sizeof said - 1, to)] = '\0';
    (void)fclose(to);
    (void)fputs(said, stderr);
    return status;
}

struct call {
    struct request *request;
    char line[256];
};

static int call_read(void *arg)
{
    struct call *call = arg;
    char *argv[16], *rest = call->line;
    int argc = 0;
    while ((argv[argc] = strsep(&rest, " ")) != NULL)
        argc++;
    *call->request = (struct request){ .mail_from = "default", .how = "once", .wait = 5 };
    settings_free(&settings);
    return settings_read(&command, &command, call->request, sizeof *call->request, argc, argv, &settings);
}

/* "serve", and a file's name where there is a %s. The words outlive the call: the request points into them. */
static int read_line(struct request *request, const char *more, bool with_file)
{
    static struct call call;
    call.request = request;
    snprintf(call.line, sizeof call.line, "serve%s%s%s%s", with_file ? " --config " : "", with_file ? path : "", *more ? " " : "", more);
    return saying(call_read, &call);
}

static const char *from(const char *name)
{
    static char buf[PLACE_SIZE + 64];
    return settings_place(&settings, &command, name, buf, sizeof buf);
}

START_TEST(the_command_line_is_over_the_environment_over_the_file_over_what_is_usual)
{
    struct request r;
    char place[160];
    begin();
    write_text("# a comment\n; another\nmail-from = file\n[serve]\nwait-ms = 7\n how = resend\ndemo = yes\n");
    ck_assert_int_eq(read_line(&r, "", false), SAY_OK);
    ck_assert_str_eq(r.mail_from, "default");
    ck_assert_str_eq(from("--mail-from"), "--mail-from");
    ck_assert_int_eq(read_line(&r, "", true), SAY_OK);
    ck_assert_str_eq(r.mail_from, "file");
    ck_assert_str_eq(r.how, "resend");
    ck_assert(r.demo && r.wait == 7);
    snprintf(place, sizeof place, "%s:3: mail-from", path);
    ck_assert_str_eq(from("--mail-from"), place);
    ck_assert_int_eq(setenv("PRONG_SHOP_MAIL_FROM", "environment", 1), 0);
    ck_assert_int_eq(setenv("PRONG_SHOP_DEMO", "no", 1), 0);
    ck_assert_int_eq(setenv("PRONG_SHOP_WAIT_MS", "", 1), 0);      /* is none */
    ck_assert_int_eq(read_line(&r, "", true), SAY_OK);
    ck_assert_str_eq(r.mail_from, "environment");
    ck_assert(!r.demo && r.wait == 7);
    ck_assert_str_eq(from("--mail-from"), "PRONG_SHOP_MAIL_FROM");
    ck_assert_int_eq(read_line(&r, "--mail-from=line --demo --wait-ms 9", true), SAY_OK);
    ck_assert_str_eq(r.mail_from, "line");
    ck_assert(r.demo && r.wait == 9);
    ck_assert_str_eq(from("--mail-from"), "--mail-from");
    ck_assert_int_eq(setenv("PRONG_SHOP_CONFIG", path, 1), 0);
    ck_assert_int_eq(read_line(&r, "", false), SAY_OK);
    ck_assert_uint_eq(r.wait, 7);
    end();
}
END_TEST

static const struct {
    const char *text, *where, *what;
} wrong[] = {
    { "mail-from = a\nwait-ms = 101\n", "shop.conf:2: ", "--wait-ms takes a whole number from 1 to 100, found '101'" },
    { "how = onec\n", "shop.conf:1: ", "--how does not know 'onec'\nhint: did you mean --how once?" },
    { "\n\nmail_from = a\n", "shop.conf:3: ", "unknown setting 'mail_from'\nhint: did you mean mail-from?" },
    { "config = a\n", "shop.conf:1: ", "unknown setting 'config'" },
    { "check-config = yes\n", "shop.conf:1: ", "unknown setting 'check-config'" },
    { "help = yes\n", "shop.conf:1: ", "unknown setting 'help'" },
    { "mail-from = a\n\nmail-from = b\n", "shop.conf:3: ", "mail-from stands in line 1 already" },
    { "mail-from = a\n  b\n", "shop.conf:2: ", "neither `key = value` nor [serve] nor a comment" },
    { "[sevre]\nmail-from = a\n", "shop.conf:2: ",
      "unknown section [sevre]\nhint: the settings stand on top of the file or under [serve]" },
    { "demo = maybe\n", "shop.conf:1: ", "demo is yes or no, found 'maybe'" },
    { "mail-from =\n", "shop.conf:1: ", "mail-from has no value" },
    { "wait-ms = 5\nmail-from\n", "shop.conf:2: ", "neither `key = value` nor [serve] nor a comment" },
};

START_TEST(what_is_wrong_in_the_file_is_told_with_its_line)
{
    struct request r;
    begin();
    write_text(wrong[_i].text);
    ck_assert_int_eq(read_line(&r, "", true), SAY_USAGE);
    ck_assert_ptr_nonnull(strstr(said, wrong[_i].where));
    ck_assert_ptr_nonnull(strstr(said, wrong[_i].what));
    ck_assert_ptr_null(say_place);
    end();
}
END_TEST

START_TEST(a_line_that_is_too_long_and_a_file_that_is_no_text_are_refused)
{
    struct request r;
    char text[400] = "mail-from = ";
    begin();
    memset(text + 12, 'a', 300);
    write_text(text);
    ck_assert_int_eq(read_line(&r, "", true), SAY_USAGE);
    ck_assert_ptr_nonnull(strstr(said, "shop.conf:1: the line is too long"));
    memset(text + 12, 'a', 186);
    strcpy(text + 12 + 186, "\nwait-ms = 4\n");
    write_text(text);
    ck_assert_int_eq(read_line(&r, "", true), SAY_OK);
    ck_assert(strlen(r.mail_from) == 186 && r.wait == 4);
    write_bytes("mail-from = a\0b\n", 16);
    ck_assert_int_eq(read_line(&r, "", true), SAY_USAGE);
    ck_assert_ptr_nonnull(strstr(said, "shop.conf:1: a byte 0"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(read_line(&r, "", true), SAY_USAGE);
    ck_assert_ptr_nonnull(strstr(said, "shop.conf: No such file"));
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(read_line(&r, "", true), SAY_USAGE);
    ck_assert_ptr_nonnull(strstr(said, "shop.conf: Is a directory"));
    ck_assert_int_eq(rmdir(path), 0);
    end();
}
END_TEST

START_TEST(a_wrong_variable_is_told_by_its_name_and_an_unknown_one_is_noted_without_its_value)
{
    struct request r;
    begin();
    ck_assert_int_eq(setenv("PRONG_SHOP_WAIT_MS", "soon", 1), 0);
    ck_assert_int_eq(read_line(&r, "", false), SAY_USAGE);
    ck_assert_ptr_nonnull(strstr(said, "PRONG_SHOP_WAIT_MS: --wait-ms takes a whole number"));
    ck_assert_int_eq(unsetenv("PRONG_SHOP_WAIT_MS"), 0);
    ck_assert_int_eq(setenv("PRONG_SHOP_MAIL_FORM", "sesame", 1), 0);
    ck_assert_int_eq(read_line(&r, "", false), SAY_OK);
    ck_assert_ptr_nonnull(strstr(said, "PRONG_SHOP_MAIL_FORM, which is no setting\nhint: did you mean PRONG_SHOP_MAIL_FROM?"));
    ck_assert_ptr_null(strstr(said, "sesame"));
    end();
}
END_TEST

START_TEST(another_command_takes_what_it_knows_from_the_same_file_and_its_words_once)
{
    struct other r = { 0 };
    begin();
    write_text("wait-ms = 7\nmail-from = file\n");
    char line[][10] = { "other", "--config", "one", "two" };
    char *argv[] = { line[0], line[1], path, line[2], line[3] };
    ck_assert_int_eq(settings_read(&other, &command, &r, sizeof r, 5, argv, &settings), SAY_OK);
    ck_assert_str_eq(r.mail_from, "file");
    ck_assert_uint_eq(r.words.n, 2);
    words_free(&r.words);
    end();
}
END_TEST

/* ---- secrets ------------------------------------------------------------------------------------------------------------- */

static char *secret;

static int call_keyfile(void *arg)
{
    keyfile_free(secret);
    secret = NULL;
    return keyfile_read("--key-file", arg, &secret);
}

START_TEST(a_secret_that_others_may_read_is_refused)
{
    static const mode_t open[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0777 }, closed[] = { 0600, 0400 };
    begin();
    write_text("sesame\n");
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        ck_assert_int_eq(chmod(path, open[i]), 0);
        ck_assert_int_eq(saying(call_keyfile, path), SAY_MISSING);
        ck_assert_ptr_nonnull(strstr(said, "--key-file: others may read"));
        ck_assert_ptr_null(strstr(said, "sesame"));
    }
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(chmod(path, closed[i]), 0);
        ck_assert_int_eq(saying(call_keyfile, path), SAY_OK);
        ck_assert_str_eq(secret, "sesame");
    }
    keyfile_free(secret);
    end();
}
END_TEST

START_TEST(a_secret_is_one_line_of_a_file)
{
    char big[2000];
    begin();
    static const char *const bad[] = { "", "\n", "one\ntwo\n", "a\tb\n", "\x7f" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        write_text(bad[i]);
        ck_assert_int_eq(chmod(path, 0600), 0);
        ck_assert_int_eq(saying(call_keyfile, path), SAY_USAGE);
    }
    memset(big, 'a', sizeof big);
    write_bytes(big, sizeof big);
    ck_assert_int_eq(saying(call_keyfile, path), SAY_USAGE);
    write_text("sesame open\r\n");
    ck_assert_int_eq(saying(call_keyfile, path), SAY_OK);
    ck_assert_str_eq(secret, "sesame open");
    ck_assert_int_eq(saying(call_keyfile, folder), SAY_MISSING);
    keyfile_free(secret);
    end();
}
END_TEST

START_TEST(a_name_is_looked_for_among_the_credentials_first)
{
    begin();
    write_text("sesame");
    ck_assert_int_eq(chmod(path, 0440), 0);     /* the mask of an ACL looks like this */
    ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
    ck_assert_int_eq(saying(call_keyfile, (char []){ "shop.conf" }), SAY_OK);
    ck_assert_str_eq(secret, "sesame");
    ck_assert_int_eq(saying(call_keyfile, path), SAY_MISSING);
    ck_assert_int_eq(saying(call_keyfile, (char []){ "no-such-key" }), SAY_MISSING);
    ck_assert_ptr_nonnull(strstr(said, "no-such-key: No such file"));
    keyfile_free(secret);
    end();
}
END_TEST

int main(int argc, char **argv)
{
    add_case(the_command_line_is_over_the_environment_over_the_file_over_what_is_usual);
    for (int i = 0; i < (int)(sizeof wrong / sizeof wrong[0]); i++)
        add_case_for("file", what_is_wrong_in_the_file_is_told_with_its_line, i, 0);
    add_case(a_line_that_is_too_long_and_a_file_that_is_no_text_are_refused);
    add_case(a_wrong_variable_is_told_by_its_name_and_an_unknown_one_is_noted_without_its_value);
    add_case(another_command_takes_what_it_knows_from_the_same_file_and_its_words_once);
    add_case(a_secret_that_others_may_read_is_refused);
    add_case(a_secret_is_one_line_of_a_file);
    add_case(a_name_is_looked_for_among_the_credentials_first);
    return run_cases(argc, argv);
}
