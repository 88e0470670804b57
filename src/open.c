/* The top of the library: a name to an engine, checked options to a pool. */
#include "base/error.h"
#include "engine/engines.h"
#include "engine/processes/zygote.h"
#include "engine/processes/zygote_main.h"
#include "open.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *prong_version(void)
{
    return PN_VERSION;
}

int prong_init(void) { return pn_zygote_start(); }

int prong_init_exec(char *const argv[]) { return pn_zygote_start_helper(argv); }
int prong_zygote_main(int fd) { return pn_zygote_main(fd); }

/* "processes:8" into the engine and the count; 0: none given. */
static int parse_engine(const char *text, const struct pn_engine **ret_engine, uint32_t *ret_count)
{
    size_t length = strcspn(text, ":");
    unsigned long count = 0;
    if (length == 3 && !strncmp(text, "mpi", 3))
        return pn_error(-ENOTSUP, "engine \"mpi\" is not in this version of prong; there are \"threads\", \"processes\" and \"serial\"");
    *ret_engine = pn_engine_named(text, length);
    if (!*ret_engine)
        return pn_error(-EINVAL, "no engine \"%.*s\"; there are \"threads\", \"processes\" and \"serial\"", (int)length, text);
    if (text[length] == ':') {
        const char *digits = text + length + 1;
        char *end;
        errno = 0;
        count = strtoul(digits, &end, 10);
        if (*digits < '0' || *digits > '9' || *end || errno || count == 0 || count > UINT32_MAX)
            return pn_error(-EINVAL, "\"%s\": after the colon stands a number of workers, 1 or more", text);
    }
    *ret_count = (uint32_t)count;
    return 0;
}

static bool engine_promises(const struct pn_engine *engine, enum prong_promise what) { return engine->promises & (1u << what); }

/* What an engine cannot hold is refused, never ignored. */
static int check_options(const struct pn_engine *engine, const prong_pool_opts *o, uint32_t count)
{
    if (count > engine->most_workers)
        return pn_error(-ENOTSUP, "engine %s has at most %u worker%s, not %u", engine->name, engine->most_workers,
                        engine->most_workers == 1 ? "" : "s", count);
    if ((o->memory_bytes || o->cpu_ms || o->files) && !engine_promises(engine, PRONG_LIMITS_MEMORY))
        return pn_error(-ENOTSUP, "engine %s cannot limit its workers' memory, CPU time or files: use \"processes\"", engine->name);
    if (o->sandbox && strcmp(o->sandbox, "none") != 0 && !engine_promises(engine, PRONG_SANDBOXES))
        return pn_error(-ENOTSUP, "engine %s has no sandbox \"%s\" in this version", engine->name, o->sandbox);
    if (o->runs_per_worker && !engine_promises(engine, PRONG_KILLS))
        return pn_error(-ENOTSUP, "engine %s cannot replace its workers (runs_per_worker)", engine->name);
    if (o->flags & ~PRONG_BILL)
        return pn_error(-ENOTSUP, "flags 0x%x are not known to this version", o->flags & ~PRONG_BILL);
    if (o->init_size > PRONG_RECORD_MAX || (o->init_size && !o->init_record))
        return pn_error(-EINVAL, "an init record of %zu bytes is %s", o->init_size, o->init_record ? "too large" : "missing");
    return 0;
}

/* A number asked for is honoured; else one worker per CPU, as many as the engine has. */
static uint32_t count_workers(const struct pn_engine *engine, const prong_pool_opts *o, uint32_t in_name)
{
    uint32_t count = in_name ? in_name : o->workers;
    if (count)
        return count;
    count = engine->most_workers > 1 ? prong_cpus() : 1;
    return count < engine->most_workers ? count : engine->most_workers;
}

/* What the user of the program says, where the program leaves it open. */
static const char *engine_of_environment(void)
{
    const char *text = getenv("PRONG_ENGINE");
    return text && *text ? text : "threads";
}

int pn_open(const prong_pool_opts *o, uint32_t exactly, prong_pool **ret_pool)
{
    const struct pn_engine *engine = NULL;
    uint32_t in_name = 0;
    int r = parse_engine(o->engine ? o->engine : engine_of_environment(), &engine, &in_name);
    if (r < 0)
        return r;
    if (!o->engine && o->workers)
        in_name = 0;                           /* the program has asked for a number, so that stands */
    uint32_t count = exactly ? exactly : count_workers(engine, o, in_name);
    r = check_options(engine, o, count);
    return r < 0 ? r : pn_pool_open(engine, o, count, !exactly, ret_pool);
}

int prong_pool_open_v(const prong_pool_opts *opts, size_t opts_size, prong_pool **ret_pool)
{
    prong_pool_opts o;
    int r = pn_opts_copy(&o, sizeof o, opts, opts_size);
    return r < 0 ? r : pn_open(&o, 0, ret_pool);
}
