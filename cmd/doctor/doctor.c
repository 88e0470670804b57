/* doctor.c - looks at one thing after the other, then tells all. */
#include "doctor/doctor.h"

#include "doctor/health.h"
#include "interrupt.h"
#include "json.h"
#include "say.h"
#include "text.h"

#include <prong.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const state_name[] = { [HEALTH_OK] = "ok", [HEALTH_NOTE] = "note", [HEALTH_MISSING] = "missing" };

void health_add(struct health *h, const char *topic, const char *name, enum health_state state, const char *hint, const char *fmt, ...)
{
    if (h->n_findings == FINDINGS_MAX)
        return;
    struct finding *f = &h->findings[h->n_findings++];
    *f = (struct finding){ .topic = topic, .name = name, .state = state };
    snprintf(f->hint, sizeof f->hint, "%s", hint ? hint : "");
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->says, sizeof f->says, fmt, args);
    va_end(args);
}

static void look(struct health *h)
{
    static void (*const looks[])(struct health *) = { look_at_engines, look_at_page, look_at_python, look_at_cpus, look_at_memory, look_at_limits,
                                                      look_at_kernel, look_at_pressure, look_at_cache };
    h->machine = machine_look();
    for (size_t i = 0; i < sizeof looks / sizeof looks[0] && !interrupt_came(); i++)
        looks[i](h);
}

/* mpi is not in this version, so nothing is wrong with the machine. */
static bool is_well(const struct health *h)
{
    bool all = true;
    for (int i = 0; i < ENGINES_N; i++)
        all = all && (h->engines[i].works || strcmp(h->engines[i].name, "mpi") == 0);
    return all;
}

/* ---- for people ---------------------------------------------------------------------------------------------------------- */

static void show_text(const struct health *h)
{
    enum { COLUMN = 25, WIDTH = 100 };
    const char *topic = "";
    printf("prong %s\n", prong_version());
    for (size_t i = 0; i < h->n_findings; i++) {
        const struct finding *f = &h->findings[i];
        if (strcmp(f->topic, topic) != 0)
            printf("\n%s\n", f->topic);
        topic = f->topic;
        printf("  %-8s %-13s ", state_name[f->state], f->name);
        text_wrap(stdout, f->says, COLUMN, COLUMN, WIDTH);
        if (f->hint[0]) {
            printf("%*shint: ", COLUMN, "");
            text_wrap(stdout, f->hint, COLUMN + 6, COLUMN + 6, WIDTH);
        }
    }
    puts(is_well(h) ? "\nserial, threads and processes work here." : "\nNot all of serial, threads and processes work here.");
}

/* ---- for programs -------------------------------------------------------------------------------------------------------- */

static void show_cpus(struct json *w, const struct health *h)
{
    json_begin(w, "cpus", '{');
    json_put_count(w, "usable", h->machine.cpus_usable);
    json_put_count(w, "online", h->machine.cpus_online);
    json_put_count(w, "affinity", h->cpus.affinity);
    json_put_real(w, "quota", h->cpus.quota);
    json_put_string(w, "decides", h->cpus.decides);
    json_put_string_or_null(w, "model", h->machine.model);
    json_end(w, '}');
}

static void show_memory(struct json *w, const struct health *h)
{
    json_begin(w, "memory", '{');
    json_put_count_or_null(w, "total_bytes", h->machine.memory_bytes);
    json_put_count_or_null(w, "available_bytes", h->memory_available_bytes);
    json_put_count_or_null(w, "shm_bytes", h->shm_bytes);
    json_end(w, '}');
    json_begin(w, "pressure", '{');
    json_put_real_or_null(w, "cpu_percent", h->machine.pressure_before, h->machine.pressure_before >= 0);
    json_put_real_or_null(w, "memory_percent", h->memory_pressure, h->memory_pressure >= 0);
    json_end(w, '}');
}

static void show_limits(struct json *w, const struct health *h)
{
    json_begin(w, "limits", '{');
    for (int i = 0; i < LIMITS_N; i++) {
        if (h->limits[i].most == UINT64_MAX)
            json_put_null(w, h->limits[i].name);
        else
            json_put_count(w, h->limits[i].name, h->limits[i].most);
    }
    json_end(w, '}');
}

static void show_kernel(struct json *w, const struct health *h)
{
    json_begin(w, "kernel", '{');
    json_put_string_or_null(w, "release", h->machine.kernel);
    json_put_string_or_null(w, "architecture", h->machine.architecture);
    for (int i = 0; i < KERNEL_CALLS_N; i++)
        json_put_bool(w, h->kernel[i].name, h->kernel[i].works);
    json_end(w, '}');
}

static void show_python(struct json *w, const struct health *h)
{
    json_begin(w, "python", '{');
    json_put_string_or_null(w, "version", h->python.version);
    if (h->python.gil < 0)
        json_put_null(w, "gil");
    else
        json_put_bool(w, "gil", h->python.gil);
    json_end(w, '}');
}

static void show_findings(struct json *w, const struct health *h)
{
    json_begin(w, "findings", '[');
    for (size_t i = 0; i < h->n_findings; i++) {
        const struct finding *f = &h->findings[i];
        json_begin_flat(w, NULL, '{');
        json_put_string(w, "topic", f->topic);
        json_put_string(w, "name", f->name);
        json_put_string(w, "state", state_name[f->state]);
        json_put_string(w, "says", f->says);
        json_put_string_or_null(w, "hint", f->hint);
        json_end(w, '}');
    }
    json_end(w, ']');
}

static void show_json(const struct health *h)
{
    struct json w = { .to = stdout };
    json_begin(&w, NULL, '{');
    json_put_string(&w, "schema", "prong.doctor/1");
    json_put_string(&w, "version", prong_version());
    json_put_bool(&w, "well", is_well(h));
    json_begin(&w, "engines", '{');
    for (int i = 0; i < ENGINES_N; i++)
        json_put_bool(&w, h->engines[i].name, h->engines[i].works);
    json_end(&w, '}');
    json_put_bool(&w, "charts", h->has_charts);
    show_cpus(&w, h);
    show_python(&w, h);
    show_memory(&w, h);
    show_limits(&w, h);
    show_kernel(&w, h);
    json_begin(&w, "cache", '{');
    json_put_string(&w, "path", h->cache);
    json_put_bool(&w, "writable", h->cache_is_writable);
    json_end(&w, '}');
    show_findings(&w, h);
    json_end(&w, '}');
    putchar('\n');
}

/* ---- the command --------------------------------------------------------------------------------------------------------- */

struct request {
    bool json;
};

static const struct option options[] = {
    { .name = "--json", .kind = OPTION_FLAG, .at = offsetof(struct request, json),
      .help = "prong.doctor/1 on standard output, and nothing else there" },
    { 0 }
};

static const struct explained exits[] = {
    { "0", "serial, threads and processes work" },
    { "2", "wrong usage" },
    { "3", "one of them does not" },
    { "130", "interrupted by Ctrl-C; 143 by SIGTERM, 129 by SIGHUP" },
    { 0 }
};

static const struct explained environment[] = {
    { "XDG_CACHE_HOME", "where the cache would be; default: `~/.cache`" },
    { 0 }
};

static const struct explained examples[] = {
    { "prong doctor", "for reading" },
    { "taskset -c 0 prong doctor", "what it would be on one CPU" },
    { "prong doctor --json", "for programs" },
    { 0 }
};

static int examine(bool as_json)
{
    struct health *h = calloc(1, sizeof *h);
    if (!h)
        return say_error(SAY_MISSING, "no memory to begin with");
    look(h);
    int status = interrupt_came() ? SAY_INTERRUPTED : is_well(h) ? SAY_OK : SAY_MISSING;
    if (status != SAY_INTERRUPTED && as_json)
        show_json(h);
    else if (status != SAY_INTERRUPTED)
        show_text(h);
    free(h);
    return status;
}

static int run_command(int argc, char *const argv[])
{
    struct request request = { 0 };
    int status = options_read(&doctor_command, &request, argc, argv);
    if (status == SAY_OK)
        return examine(request.json);
    return status == OPTIONS_SHOWN ? SAY_OK : status;
}

const struct command doctor_command = {
    .name = "doctor",
    .summary = "tells what of prong works on this machine, and what is in the way",
    .about = "Tries each engine with real tasks, and looks at what they need: CPUs and why that many, memory, limits, the kernel, how busy "
             "the machine is, Python, and the cache folder. Each line is `ok`, `note` (works, but worth knowing) or `missing`, with a "
             "hint.",
    .options = options,
    .exits = exits,
    .environment = environment,
    .examples = examples,
    .run = run_command,
};
