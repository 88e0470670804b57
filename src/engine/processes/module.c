#include "engine/processes/module.h"
#include "base/error.h"
#include "sync/lock.h"
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct module { uintptr_t base; char *path; };

static struct { struct module *module; size_t n, room; bool out_of_memory; } known;     /* written while there is one thread */

static int remember(struct dl_phdr_info *in, size_t size, void *arg)
{
    (void)size, (void)arg;
    if (known.n == known.room) {
        size_t room = known.room ? known.room * 2 : 32;
        struct module *more = realloc(known.module, room * sizeof *more);
        if (!more) {
            known.out_of_memory = true;
            return 1;
        }
        known.module = more;
        known.room = room;
    }
    char *path = strdup(in->dlpi_name);
    known.out_of_memory |= !path;
    known.module[known.n++] = (struct module){ .base = in->dlpi_addr, .path = path };
    return !path;
}

int pn_modules_remember(void)
{
    while (known.n)
        free(known.module[--known.n].path);
    known.out_of_memory = false;
    (void)dl_iterate_phdr(remember, NULL);
    return known.out_of_memory ? pn_error(-ENOMEM, "no memory for the list of loaded modules") : 0;
}

struct search { uintptr_t address; bool found, executable; uintptr_t base; char path[256]; };

static int look_into(struct dl_phdr_info *in, size_t size, void *arg)
{
    struct search *s = arg;
    (void)size;
    for (int i = 0; i < in->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &in->dlpi_phdr[i];
        uintptr_t start = in->dlpi_addr + p->p_vaddr;
        if (p->p_type != PT_LOAD || s->address < start || s->address - start >= p->p_memsz)
            continue;
        s->found = true;
        s->executable = p->p_flags & PF_X;
        s->base = in->dlpi_addr;
        size_t n = strnlen(in->dlpi_name, sizeof s->path - 1);
        memcpy(s->path, in->dlpi_name, n);
        s->path[n] = '\0';
        return 1;
    }
    return 0;
}

static int read_unloads(struct dl_phdr_info *in, size_t size, void *arg)
{
    *(unsigned long long *)arg = size >= offsetof(struct dl_phdr_info, dlpi_subs) + sizeof in->dlpi_subs ? in->dlpi_subs : 0;
    return 1;
}

/* What was found right stays right until a module is unloaded; programs submit few different functions. */
static struct { struct pn_lock lock; unsigned long long unloads; uintptr_t good[16]; unsigned next; } cache;

__attribute__((constructor)) static void watch_forks(void) { pn_lock_free_at_fork(&cache.lock); }

static bool cached(uintptr_t address, unsigned long long unloads)
{
    bool hit = false;
    pn_lock(&cache.lock);
    if (cache.unloads != unloads) {
        memset(cache.good, 0, sizeof cache.good);
        cache.unloads = unloads;
    }
    for (size_t i = 0; i < sizeof cache.good / sizeof *cache.good; i++)
        hit |= cache.good[i] == address;
    pn_unlock(&cache.lock);
    return hit;
}

static void keep(uintptr_t address)
{
    pn_lock(&cache.lock);
    cache.good[cache.next++ % (sizeof cache.good / sizeof *cache.good)] = address;
    pn_unlock(&cache.lock);
}

int pn_function_check(void (*fn)(void))
{
    struct search s = { .address = (uintptr_t)fn };
    unsigned long long unloads = 0;
    (void)dl_iterate_phdr(read_unloads, &unloads);
    if (cached(s.address, unloads))
        return 0;
    (void)dl_iterate_phdr(look_into, &s);
    if (!s.found || !s.executable)
        return pn_error(-EINVAL, "%p is no function of a loaded module: workers are other processes, and would not find it",
                        (void *)s.address);
    for (size_t i = 0; i < known.n; i++) {
        if (known.module[i].base == s.base && !strncmp(known.module[i].path, s.path, sizeof s.path - 1)) {
            keep(s.address);
            return 0;
        }
    }
    return pn_error(-ENOTSUP, "%s was loaded after prong_init, so workers do not have it: load it before", s.path);
}
