/* html.c - fills in the template page/page.html, where {{name}} stands for a part.
 *
 * All figures are in the page as the JSON of the report; its own script draws them. Beside it stand plain tables for browsers without
 * scripts. The page forbids itself everything but the scripts and styles with these hashes: whatever a column name or a path may
 * hold, nothing else runs and nothing is fetched. */
#include "compare/show/html.h"

#include "compare/show/page/parts.h"
#include "say.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- the template -------------------------------------------------------------------------------------------------------- */

static void put_part(const struct part *part, FILE *to)
{
    fwrite(part->begin, 1, (size_t)(part->end - part->begin), to);
}

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* As a content security policy wants it: base64 of the hash's 32 bytes. */
static void put_hash(const struct part *part, FILE *to)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *hex = part->sha256;
    fputs("sha256-", to);
    while (hex[0] && hex[1] && hex[2]) {        /* three hexadecimal digits are two of base64 */
        unsigned bits = nibble(hex[0]) << 8 | nibble(hex[1]) << 4 | nibble(hex[2]);
        fprintf(to, "%c%c", digit[bits >> 6], digit[bits & 63]);
        hex += 3;
    }
    if (hex[0])                                 /* the last one of 64: four bits, two of them unused */
        fprintf(to, "%c=", digit[nibble(hex[0]) << 2]);
}

static void put_date(FILE *to)
{
    char text[40];
    time_t now = time(NULL);
    struct tm utc;
    strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", gmtime_r(&now, &utc));
    fputs(text, to);
}

static void put_named(const char *name, size_t size, const char *json, const char *tables, FILE *to)
{
    static const struct { const char *name; const struct part *part; bool is_hash; } known[] = {
        { "style", &part_style, false }, { "style-hash", &part_style, true }, { "script", &part_script, false },
        { "script-hash", &part_script, true }, { "charts", &part_charts, false }, { "charts-hash", &part_charts, true },
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strlen(known[i].name) == size && memcmp(known[i].name, name, size) == 0)
            (known[i].is_hash ? put_hash : put_part)(known[i].part, to);
    if (size == strlen("report") && memcmp(name, "report", size) == 0)
        fputs(json, to);
    if (size == strlen("tables") && memcmp(name, "tables", size) == 0)
        fputs(tables, to);
    if (size == strlen("date") && memcmp(name, "date", size) == 0)
        put_date(to);
}

void html_page(const char *json, const char *tables, FILE *to)
{
    const char *at = part_page.begin, *open;
    while ((open = strstr(at, "{{"))) {
        size_t size = strcspn(open + 2, "}");
        fwrite(at, 1, (size_t)(open - at), to);
        put_named(open + 2, size, json, tables, to);
        at = open + 2 + size + 2;
    }
    fputs(at, to);
}

/* ---- the figures without scripts ----------------------------------------------------------------------------------------- */

static void put_text(FILE *to, const char *text)
{
    for (; *text; text++)
        if (strchr("<>&\"'", *text))
            fprintf(to, "&#%d;", *text);
        else
            fputc(*text, to);
}

static void put_cell(FILE *to, const char *text)
{
    fputs("<td>", to);
    put_text(to, text);
    fputs("</td>", to);
}

/* A value of one of the units of report.h and cost.h, with its interval. */
static void put_value(FILE *to, const struct measure *m, const char *unit)
{
    char buf[3][TEXT_SIZE];
    const double value[] = { m->median, m->low, m->high };
    for (int i = 0; i < 3; i++)
        if (strcmp(unit, "s") == 0)
            text_time(value[i], buf[i]);
        else
            snprintf(buf[i], sizeof buf[i], "%.6g %s", value[i], unit);
    fprintf(to, "<td>%s</td><td>%s to %s</td>", buf[0], buf[1], buf[2]);
}

static void put_head(FILE *to, const char *title, const char *const names[])
{
    fprintf(to, "<h2>%s</h2><div class=\"wide\"><table><thead><tr>", title);
    for (; *names; names++)
        fprintf(to, "<th scope=\"col\">%s</th>", *names);
    fputs("</tr></thead><tbody>\n", to);
}

static void put_foot(FILE *to)
{
    fputs("</tbody></table></div>\n", to);
}

static void put_rows(const struct report *report, FILE *to)
{
    put_head(to, "Works", (const char *const[]){ "work", "language", "engine", "workers", "median", "interval", "speed-up", NULL });
    for (int k = 0; k < WORKS_N; k++)
        for (int i = 0; i < CONTENDERS_N; i++) {
            const struct job_row *row = &report->jobs[k].rows[i];
            if (!report->agree || !row->time.runs)
                continue;
            fputs("<tr>", to);
            put_cell(to, report->jobs[k].work->name);
            put_cell(to, row->contender->language);
            put_cell(to, row->contender->engine);
            fprintf(to, "<td>%u</td>", row->workers);
            put_value(to, &row->time, "s");
            if (row->speedup.value > 0)
                fprintf(to, "<td>%.2f (%.2f to %.2f)</td>", row->speedup.value, row->speedup.low, row->speedup.high);
            fputs("</tr>\n", to);
        }
    put_foot(to);
}

static void put_costs(const struct costs *costs, FILE *to)
{
    put_head(to, "Costs", (const char *const[]){ "cost", "case", "language", "engine", "median", "interval", NULL });
    for (size_t i = 0; i < costs->n; i++) {
        const struct cost *cost = &costs->cost[i];
        fputs("<tr>", to);
        put_cell(to, cost->cost);
        put_cell(to, cost->which ? cost->which : "");
        put_cell(to, cost->language);
        put_cell(to, cost->engine);
        if (cost->value.runs)
            put_value(to, &cost->value, cost->unit);
        else
            put_cell(to, cost->why);
        fputs("</tr>\n", to);
    }
    put_foot(to);
}

static void put_steps(const struct report *report, FILE *to)
{
    put_head(to, "Speed-up by workers", (const char *const[]){ "work", "engine", "workers", "median", "interval", "speed-up", NULL });
    for (size_t i = 0; i < report->n_steps; i++) {
        const struct step *step = &report->steps[i];
        fputs("<tr>", to);
        put_cell(to, step->work);
        put_cell(to, step->engine);
        fprintf(to, "<td>%u</td>", step->workers);
        put_value(to, &step->time, "s");
        fprintf(to, "<td>%.2f (%.2f to %.2f)</td></tr>\n", step->speedup.value, step->speedup.low, step->speedup.high);
    }
    put_foot(to);
}

static void put_advice(const struct report *report, FILE *to)
{
    fputs("<ul>\n", to);
    for (size_t i = 0; i < report->n_advice; i++) {
        const struct advice *advice = &report->advice[i];
        fprintf(to, "<li><b>%s, %s: %s</b> ", advice->work, advice->language, advice->engine ? advice->engine : "no engine named");
        put_text(to, advice->why);
        fputs("</li>\n", to);
    }
    for (size_t i = 0; i < report->n_notes; i++) {
        fputs("<li>", to);
        put_text(to, report->notes[i]);
        fputs("</li>\n", to);
    }
    fputs("</ul>\n", to);
}

static void put_state(const struct report *report, FILE *to)
{
    char why[256];
    bool is_known, is_quiet = machine_is_quiet(&report->machine, &is_known, why, sizeof why);
    if (!report->agree)
        fputs("<p class=\"bad\">The results differ between engines: no time is shown.</p>\n", to);
    if (is_known && !is_quiet) {
        fputs("<p class=\"bad\">The machine was busy: ", to);
        put_text(to, why);
        fputs("</p>\n", to);
    }
    fprintf(to, "<p>prong %s, %u usable CPUs, ", prong_version(), report->machine.cpus_usable);
    put_text(to, report->machine.model);
    fputs("</p>\n", to);
}

static void put_tables(const struct report *report, FILE *to)
{
    put_state(report, to);
    put_advice(report, to);
    put_rows(report, to);
    if (report->costs.n)
        put_costs(&report->costs, to);
    if (report->n_steps)
        put_steps(report, to);
}

/* ---- the file ------------------------------------------------------------------------------------------------------------ */

/* Where a page for `path` goes in truth: a link is followed, so that the file is replaced and not the link. Something that is no
 * regular file, such as a pipe, is written to as it is: *ret_in_place. */
static int find_target(const char *path, char ret_target[PATH_MAX], bool *ret_in_place)
{
    struct stat stat_of;
    *ret_in_place = false;
    if (stat(path, &stat_of) < 0) {
        if (errno != ENOENT || !*path)
            return -errno;
        snprintf(ret_target, PATH_MAX, "%s", path);
        return strlen(path) < PATH_MAX ? 0 : -ENAMETOOLONG;
    }
    if (S_ISDIR(stat_of.st_mode))
        return -EISDIR;
    *ret_in_place = !S_ISREG(stat_of.st_mode);
    if (!realpath(path, ret_target) || access(ret_target, W_OK) < 0)
        return -errno;
    return 0;
}

static int open_beside(const char *target, char ret_name[PATH_MAX])
{
    if (snprintf(ret_name, PATH_MAX, "%s.%ld", target, (long)getpid()) >= PATH_MAX)
        return -ENAMETOOLONG;
    int fd = open(ret_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return fd < 0 ? -errno : fd;
}

static int say_cannot_write(const char *path, int error)
{
    (void)say_error(SAY_MISSING, "cannot write the page to %s: %s", path, strerror(error));
    if (error == ENOSPC || error == EDQUOT)
        say_hint("name a file on another disk: --html /tmp/compare.html");
    else
        say_hint("name a file in a folder that exists and that you may write to: --html ./compare.html");
    return SAY_MISSING;
}

bool html_has_charts(void)
{
    return part_charts.begin != NULL;
}

int html_check(const char *path)
{
    char target[PATH_MAX], name[PATH_MAX];
    bool in_place;
    if (!html_has_charts()) {
        (void)say_error(SAY_MISSING, "--html: this prong was built without Chart.js, which draws the charts");
        say_hint("apt-get install libjs-chart.js && meson setup --reconfigure build -Dcharts=enabled && ninja -C build");
        return SAY_MISSING;
    }
    if (strcmp(path, "-") == 0)
        return SAY_OK;
    int r = find_target(path, target, &in_place);
    if (r == 0 && !in_place) {
        r = open_beside(target, name);
        if (r >= 0) {
            close(r);
            (void)unlink(name);
        }
    }
    return r < 0 ? say_cannot_write(path, -r) : SAY_OK;
}

/* 0 or a negative errno; closes the file. */
static int write_and_close(const char *page, size_t size, FILE *file)
{
    bool is_written = fwrite(page, 1, size, file) == size && fflush(file) == 0;
    int error = errno;
    if (fclose(file) != 0 && is_written)
        return -errno;
    return is_written ? 0 : -error;
}

static int write_in_place(const char *page, size_t size, const char *target)
{
    FILE *file = fopen(target, "we");
    return file ? write_and_close(page, size, file) : -errno;
}

static int write_and_rename(const char *page, size_t size, const char *target)
{
    char name[PATH_MAX];
    struct stat old;
    int fd = open_beside(target, name);
    if (fd < 0)
        return fd;
    if (stat(target, &old) == 0)
        (void)fchmod(fd, old.st_mode & 07777);
    FILE *file = fdopen(fd, "w");
    int r = file ? write_and_close(page, size, file) : -errno;
    if (!file)
        close(fd);
    if (r == 0 && rename(name, target) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(name);
    return r;
}

static int save(const char *page, size_t size, const char *path)
{
    char target[PATH_MAX];
    bool in_place;
    if (strcmp(path, "-") == 0) {
        fwrite(page, 1, size, stdout);      /* main() looks whether that went well */
        return SAY_OK;
    }
    int r = find_target(path, target, &in_place);
    if (r == 0)
        r = (in_place ? write_in_place : write_and_rename)(page, size, target);
    return r < 0 ? say_cannot_write(path, -r) : SAY_OK;
}

/* What `put` writes, as text to be freed; NULL: no memory. */
static char *text_of(const struct report *report, void (*put)(const struct report *, FILE *))
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    put(report, to);
    bool is_whole = !ferror(to);
    if (fclose(to) == 0 && is_whole)
        return text;
    free(text);
    return NULL;
}

int html_save(const struct report *report, const char *path)
{
    char *page = NULL;
    size_t size = 0;
    char *json = text_of(report, json_show), *tables = text_of(report, put_tables);
    FILE *to = json && tables ? open_memstream(&page, &size) : NULL;
    bool is_whole = to != NULL;
    if (to) {
        html_page(json, tables, to);
        is_whole = !ferror(to);
        is_whole = fclose(to) == 0 && is_whole;
    }
    int status = is_whole ? save(page, size, path) : say_error(SAY_MISSING, "no memory for the page");
    free(page);
    free(tables);
    free(json);
    return status;
}
