/* One suite of the check library per case, so that a line is printed as soon as its case has ended, and a selection is a matter of not
 * running the others. A page shared with the forked case holds what check cannot tell: that the case was skipped, and that it came to
 * its end at all (a case that calls exit(0) in the middle would pass otherwise). */
#include "harness.h"
#include "proc.h"
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { LIMIT_S = 60, LEFTOVER_MS = 10000 };

struct entry { const char *group; const TTest *test; int i; unsigned limit_s; };
struct report { bool skipped, finished; char why[200]; };
struct counts { unsigned passed, failed, skipped; };

static struct entry *entries;
static size_t entry_count;
static struct report *report;

void add_case_for(const char *group, const TTest *test, int i, unsigned limit_s)
{
    entries = realloc(entries, (entry_count + 1) * sizeof *entries);
    if (!entries)
        abort();
    entries[entry_count++] = (struct entry){ group, test, i, limit_s };
}

void add_case(const TTest *test)
{
    add_case_for(NULL, test, 0, 0);
}

void skip(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(report->why, sizeof report->why, fmt, args);
    va_end(args);
    report->skipped = true;
    exit(EXIT_SUCCESS);
}

/* ---- in the case's process ---- */

static void set_up(void)
{
    (void)fflush(stdout);
    (void)dup2(STDERR_FILENO, STDOUT_FILENO);
}

static void tear_down(void)
{
    report->finished = true;
}

/* ---- around it ---- */

static void name_of(const struct entry *e, char *name, size_t size)
{
    (void)snprintf(name, size, "%s%s%s", e->group ? e->group : "", e->group ? ":" : "", e->test->name);
}

static void print_comment(const char *text)
{
    while (*text) {
        int length = (int)strcspn(text, "\n");
        printf("# %.*s\n", length, text);
        text += length + (text[length] == '\n');
    }
}

/* What is left is told by its kind and number, before it is killed. Returns whether anything was. */
static bool leaves_processes(char *text, size_t size)
{
    if (reap_all(LEFTOVER_MS) == 0)
        return false;
    pid_t pids[64];
    size_t n = children_of(getpid(), pids, 64);
    size_t used = (size_t)snprintf(text, size, "%zu processes outlive the case:", n);
    for (size_t i = 0; i < n && i < 64 && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, " %d", (int)pids[i]);
    kill_all();
    return true;
}

/* Returns the words of a failure, "" if there is none. */
static void run_one(const struct entry *e, char *text, size_t size)
{
    Suite *suite = suite_create("case");
    TCase *tcase = tcase_create("case");
    char leftovers[512];
    *report = (struct report){ .skipped = false };
    tcase_set_timeout(tcase, (e->limit_s ? e->limit_s : LIMIT_S) * (SANITIZED ? 3.0 : 1.0));
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, e->test, e->i, e->i + 1);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, CK_FORK);
    srunner_run_all(runner, CK_SILENT);
    TestResult **results = srunner_results(runner);
    text[0] = '\0';
    if (srunner_ntests_failed(runner) > 0)
        (void)snprintf(text, size, "%s:%d: %s", tr_lfile(results[0]), tr_lno(results[0]), tr_msg(results[0]));
    else if (!report->finished && !report->skipped)
        (void)snprintf(text, size, "the case left by exit() before its end");
    free(results);
    srunner_free(runner);
    if (leaves_processes(leftovers, sizeof leftovers) && !text[0])
        (void)snprintf(text, size, "%s", leftovers);
}

static void run_and_tell(const struct entry *e, unsigned number, struct counts *counts)
{
    char name[256], text[4096];
    name_of(e, name, sizeof name);
    run_one(e, text, sizeof text);
    if (text[0]) {
        counts->failed++;
        printf("not ok %u - %s\n", number, name);
        print_comment(text);
    } else if (report->skipped) {
        counts->skipped++;
        printf("ok %u - %s # SKIP %s\n", number, name, report->why);
    } else {
        counts->passed++;
        printf("ok %u - %s\n", number, name);
    }
    (void)fflush(stdout);
}

static bool is_wanted(const struct entry *e, int argc, char **argv)
{
    char name[256];
    name_of(e, name, sizeof name);
    for (int a = 1; a < argc; a++)
        if (fnmatch(argv[a], name, 0) == 0)
            return true;
    return argc < 2;
}

int run_cases(int argc, char **argv)
{
    struct counts counts = { 0 };
    unsigned number = 0, wanted = 0;
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return EXIT_FAILURE;
    for (size_t i = 0; i < entry_count; i++)
        wanted += is_wanted(&entries[i], argc, argv);
    printf("1..%u\n", wanted);
    (void)fflush(stdout);
    for (size_t i = 0; i < entry_count; i++)
        if (is_wanted(&entries[i], argc, argv))
            run_and_tell(&entries[i], ++number, &counts);
    printf("# %u passed, %u failed, %u skipped\n", counts.passed, counts.failed, counts.skipped);
    free(entries);
    return counts.failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
