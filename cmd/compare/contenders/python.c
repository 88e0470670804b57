/* python.c - runs a script and reads its report: lines of a word and a number, and one `span BEGIN END SLOT` for each run. */
#include "compare/contenders/python.h"

#include "compare/contenders/child.h"
#include "compare/contenders/scripts.h"
#include "say.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT_S = 120, LIMIT_OF_TRIAL_S = 20, WORDS_MAX = 16, LINES_SHOWN = 6, OLDEST = 8 /* 3.8 */ };

/* ---- running a script ------------------------------------------------------------------------------------------------------- */

/* What it leaves in TMPDIR, should it be killed, goes with the folder. */
static char **environment(const struct python *python)
{
    size_t n = 0, kept = 0;
    while (environ[n])
        n++;
    char **env = calloc(n + 2, sizeof *env);
    if (!env)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "TMPDIR=", 7) != 0)
            env[kept++] = environ[i];
    if (asprintf(&env[kept], "TMPDIR=%s", python->folder) < 0) {
        free(env);
        return NULL;
    }
    return env;
}

static void environment_free(char **env)
{
    size_t last = 0;
    while (env[last + 1])
        last++;
    free(env[last]);
    free(env);
}

/* -E and -s: no PYTHONPATH and no packages of the user can put another module in the place of a standard one. */
static int run_words(const struct python *python, const char *const words[], uint32_t limit_s, struct child *ret_child)
{
    const char *argv[WORDS_MAX] = { python->interpreter, "-E", "-s", "-B" };
    for (size_t i = 0; words[i]; i++)
        argv[4 + i] = words[i];
    char **env = environment(python);
    if (!env)
        return -ENOMEM;
    union { const char **from; char *const *to; } words_of = { .from = argv };  /* exec takes them without const, and leaves them alone */
    int r = child_run(words_of.to, env, limit_s, ret_child);
    environment_free(env);
    return r;
}

/* Why it did not end well: one line. */
static void explain(const struct child *child, uint32_t limit_s, char *buf, size_t size)
{
    if (child->end == CHILD_LATE)
        snprintf(buf, size, "was not done after %u s and was stopped", limit_s);
    else if (child->end == CHILD_TALKATIVE)
        snprintf(buf, size, "printed more than anybody would read and was stopped");
    else if (child->end == CHILD_INTERRUPTED)
        snprintf(buf, size, "was interrupted");
    else if (child->status == CHILD_NOT_RUN)
        snprintf(buf, size, "could not be run: it is no program for this machine, or what it needs is missing");
    else if (child->status > CHILD_BY_SIGNAL)
        snprintf(buf, size, "was killed by signal %d (%s)", child->status - CHILD_BY_SIGNAL, strsignal(child->status - CHILD_BY_SIGNAL));
    else
        snprintf(buf, size, "ended with status %d", child->status);
}

static bool ended_well(const struct child *child)
{
    return child->end == CHILD_ENDED && child->status == 0;
}

/* Its last words, from the line that begins `lines` before the end. */
static const char *last_lines(struct child *child, int lines)
{
    char *text = child->complains;
    size_t end = strlen(text);
    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == ' '))
        text[--end] = '\0';
    while (end > 0 && !(text[end - 1] == '\n' && --lines == 0))
        end--;
    return text + end;
}

/* ---- reading its report ----------------------------------------------------------------------------------------------------- */

/* Names of figures are kept for good: those that there are. */
static const char *figure_name(const char *word)
{
    static const char *const names[] = { "roots", "sum", "answers", "count", "lost" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(word, names[i]) == 0)
            return names[i];
    return NULL;
}

static bool read_real(const char *text, double *ret_real)
{
    char *end;
    *ret_real = strtod(text, &end);
    return end != text && *end == '\0';
}

static bool read_figure(const char *word, const char *value, struct figures *figures)
{
    double real;
    const char *name = figure_name(word);
    if (!name || !value || figures->n == FIGURES_MAX)
        return false;
    if (value[0] && value[strspn(value, "0123456789")] == '\0') {
        errno = 0;
        figures_add_count(figures, name, strtoull(value, NULL, 10));
        return errno == 0;
    }
    if (!read_real(value, &real))
        return false;
    figures_add_real(figures, name, real);
    return true;
}

static bool read_span(const char *text, struct outcome *outcome)
{
    struct span span;
    int n = 0;
    if (sscanf(text, "%lf %lf %" SCNu32 "%n", &span.begin, &span.end, &span.slot, &n) != 3 || text[n])
        return false;
    if (!isfinite(span.begin) || !isfinite(span.end) || span.end < span.begin)
        return false;
    work_add_span(outcome, span);
    return true;
}

static bool read_line(char *line, struct outcome *outcome)
{
    char *value = strchr(line, ' ');
    if (!value)
        return false;
    *value++ = '\0';
    if (strcmp(line, "span") == 0)
        return read_span(value, outcome);
    if (strcmp(line, "seconds") == 0)
        return read_real(value, &outcome->seconds) && isfinite(outcome->seconds) && outcome->seconds > 0;
    return read_figure(line, value, &outcome->figures);
}

/* NULL: all of it was read; else the line that was not, "" for an end that came too soon. */
static const char *read_report(char *text, struct outcome *outcome)
{
    static char bad[64];
    char *rest = text, *line;
    while ((line = strsep(&rest, "\n")) && (rest || line[0])) {
        snprintf(bad, sizeof bad, "%.60s", line);
        if (!read_line(line, outcome))
            return bad;
    }
    return outcome->figures.n ? NULL : "";
}

/* ---- jobs ------------------------------------------------------------------------------------------------------------------- */

static int say_failure(const struct python *python, const char *what, struct child *child, const char *why)
{
    if (child->end == CHILD_INTERRUPTED)
        return SAY_INTERRUPTED;
    (void)say_error(SAY_WRONG, "%s of Python %s (%s) %s", what, python->version, python->interpreter, why);
    const char *lines = last_lines(child, LINES_SHOWN);
    if (lines[0])
        say_note("its last words:\n%s", lines);
    say_hint("--python=PATH names another interpreter, --no-python leaves Python out");
    return SAY_WRONG;
}

/* `what` for people: "sqrt on threads". */
static int run_job(const struct python *python, const char *what, const char *const words[], uint32_t limit_s, struct outcome *outcome)
{
    struct child child;
    char why[256];
    int status = SAY_OK, r = run_words(python, words, limit_s, &child);
    if (r < 0)
        return say_error(SAY_MISSING, "cannot start %s: %s", python->interpreter, strerror(-r));
    const char *bad = NULL;
    if (!ended_well(&child)) {
        explain(&child, limit_s, why, sizeof why);
        status = say_failure(python, what, &child, why);
    } else if ((bad = read_report(child.says, outcome)) != NULL) {
        snprintf(why, sizeof why, "gave a report that %s%.80s%s", bad[0] ? "says '" : "ends too soon", bad, bad[0] ? "'" : "");
        status = say_failure(python, what, &child, why);
    }
    child_free(&child);
    return status;
}

static void script_path(const struct python *python, const char *name, char buf[PATH_MAX + 32])
{
    snprintf(buf, PATH_MAX + 32, "%s/%s.py", python->folder, name);
}

int python_run(const struct python *python, const char *kind, const struct work *work, const struct setup *setup, struct outcome *outcome)
{
    uint32_t n = work_workers(work, setup);
    char script[PATH_MAX + 32], workers[16], port[16], what[64];
    script_path(python, kind, script);
    snprintf(workers, sizeof workers, "%u", n);
    snprintf(port, sizeof port, "%u", setup->server_port);
    snprintf(what, sizeof what, "%s on %s", work->name, kind);
    const char *words[] = { script, work->name, "--report", "--workers", workers, setup->server_port ? "--server" : NULL, port, NULL };
    int status = run_job(python, what, words, python->limit_s * (1 + n / 16), outcome);
    if (status == SAY_OK && outcome->seconds <= 0)
        return say_error(SAY_WRONG, "%s of Python %s (%s) did not tell its time", what, python->version, python->interpreter);
    return status;
}

/* ---- finding an interpreter, and finding out about it ----------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    struct stat status;
    return access(path, X_OK) == 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* As a shell would: also "" in PATH is this folder. */
static bool find_in_path(const char *name, char buf[PATH_MAX])
{
    const char *path = getenv("PATH");
    for (const char *at = path ? path : "/usr/local/bin:/usr/bin:/bin"; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
        int size = (int)strcspn(at, ":");
        if (snprintf(buf, PATH_MAX, "%.*s%s%s", size, at, size ? "/" : "./", name) < PATH_MAX && is_program(buf))
            return true;
    }
    return false;
}

static int find(const char *name, struct python *python, char *ret_why, size_t why_size)
{
    if (!strchr(name, '/')) {
        if (find_in_path(name, python->interpreter))
            return SAY_OK;
        snprintf(ret_why, why_size, "there is no %s in PATH", name);
        return SAY_MISSING;
    }
    errno = 0;
    if (!is_program(name) || snprintf(python->interpreter, sizeof python->interpreter, "%s", name) >= (int)sizeof python->interpreter) {
        snprintf(ret_why, why_size, "cannot run '%.160s': %s", name, errno ? strerror(errno) : "that is no program");
        return SAY_MISSING;
    }
    return SAY_OK;
}

/* Any Python there ever was understands this; `path`: the folder we are in may have modules of its own. */
static const char question[] =
    "import sys\n"
    "sys.path[:] = [path for path in sys.path if path]\n"
    "import sysconfig\n"
    "has_gil = getattr(sys, '_is_gil_enabled', lambda: not sysconfig.get_config_var('Py_GIL_DISABLED'))\n"
    "print('version %d.%d.%d' % sys.version_info[:3])\n"
    "print('gil %d' % has_gil())\n"
    "print('path ' + (sys.executable or ''))\n";

/* A name may stand for a script that looks for the interpreter anew each time; what a path names is taken as it is. */
static void take_its_own_path(struct python *python, const char *path)
{
    char buf[PATH_MAX];
    if (path[0] == '/' && snprintf(buf, sizeof buf, "%s", path) < (int)sizeof buf && is_program(buf))
        memcpy(python->interpreter, buf, sizeof buf);
}

static int understand(char *text, struct python *python, bool is_name, char *ret_why, size_t why_size)
{
    unsigned major = 0, minor = 0, patch = 0;
    int gil;
    python->gil = -1;
    for (char *line; (line = strsep(&text, "\n")) != NULL;) {
        if (sscanf(line, "gil %d", &gil) == 1 && (gil == 0 || gil == 1))
            python->gil = gil;
        else if (is_name && strncmp(line, "path ", 5) == 0)
            take_its_own_path(python, line + 5);
        else
            (void)sscanf(line, "version %u.%u.%u", &major, &minor, &patch);
    }
    if (!major)
        snprintf(ret_why, why_size, "%.160s does not say which Python it is", python->interpreter);
    else if (major < 3 || (major == 3 && minor < OLDEST))
        snprintf(ret_why, why_size, "%.160s is Python %u.%u.%u; it takes 3.%d or later", python->interpreter, major, minor, patch, OLDEST);
    else {
        snprintf(python->version, sizeof python->version, "%u.%u.%u", major, minor, patch);
        return SAY_OK;
    }
    return SAY_MISSING;
}

/* SAY_OK: it ended well, and ret_child is to be freed. */
static int try_words(const struct python *python, const char *const words[], struct child *ret_child, char *ret_why, size_t why_size)
{
    char why[128];
    int r = run_words(python, words, LIMIT_OF_TRIAL_S, ret_child);
    if (r < 0) {
        snprintf(ret_why, why_size, "cannot start %.160s: %s", python->interpreter, strerror(-r));
        return SAY_MISSING;
    }
    if (ended_well(ret_child))
        return SAY_OK;
    explain(ret_child, LIMIT_OF_TRIAL_S, why, sizeof why);
    const char *line = last_lines(ret_child, 1);
    snprintf(ret_why, why_size, "%.100s %s%s%.120s", python->interpreter, why, line[0] ? ": " : "", line);
    child_free(ret_child);
    return ret_child->end == CHILD_INTERRUPTED ? SAY_INTERRUPTED : SAY_MISSING;
}

int python_crash(const struct python *python, const char *kind, double *ret_lost, char *ret_why, size_t why_size)
{
    struct child child;
    struct outcome outcome = { 0 };
    char script[PATH_MAX + 32];
    script_path(python, "crash", script);
    int status = try_words(python, (const char *[]){ script, kind, "--report", "--workers", "2", NULL }, &child, ret_why, why_size);
    if (status != SAY_OK)
        return status;
    const char *bad = read_report(child.says, &outcome);
    child_free(&child);
    if (bad) {
        snprintf(ret_why, why_size, "%.100s tells nothing of a crash, but '%.80s'", python->interpreter, bad);
        return SAY_MISSING;
    }
    *ret_lost = (double)outcome.figures.figure[0].bits;
    return SAY_OK;
}

static int ask(struct python *python, bool is_name, char *ret_why, size_t why_size)
{
    struct child child;
    int status = try_words(python, (const char *[]){ "-c", question, NULL }, &child, ret_why, why_size);
    if (status != SAY_OK)
        return status;
    status = understand(child.says, python, is_name, ret_why, why_size);
    child_free(&child);
    return status;
}

/* Not every machine has what locks and processes take (/dev/shm, to begin with): better known now than halfway. */
static int give_small_job(const struct python *python, char *ret_why, size_t why_size)
{
    struct child child;
    struct outcome outcome = { 0 };
    char script[PATH_MAX + 32];
    script_path(python, "processes", script);
    int status = try_words(python, (const char *[]){ script, "counter", "--report", "--workers", "1", NULL }, &child, ret_why, why_size);
    if (status != SAY_OK)
        return status;
    const char *bad = read_report(child.says, &outcome);
    child_free(&child);
    if (!bad)
        return SAY_OK;
    snprintf(ret_why, why_size, "%.100s does not do what it is told, but says '%.80s'", python->interpreter, bad);
    return SAY_MISSING;
}

int python_open(const char *interpreter, struct python *ret_python, char *ret_why, size_t why_size)
{
    const char *name = interpreter ? interpreter : "python3";
    *ret_python = (struct python){ .gil = -1, .limit_s = LIMIT_S };
    int status = find(name, ret_python, ret_why, why_size);
    if (status != SAY_OK)
        return status;
    int r = scripts_unpack(ret_python->folder, sizeof ret_python->folder);
    if (r < 0) {
        snprintf(ret_why, why_size, "cannot make %.160s: %s", ret_python->folder, strerror(-r));
        ret_python->folder[0] = '\0';
        return SAY_MISSING;
    }
    status = ask(ret_python, !strchr(name, '/'), ret_why, why_size);
    if (status == SAY_OK)
        status = give_small_job(ret_python, ret_why, why_size);
    if (status != SAY_OK)
        python_close(ret_python);
    return status;
}

void python_close(struct python *python)
{
    if (python->folder[0])
        scripts_remove(python->folder);
    python->folder[0] = '\0';
}
