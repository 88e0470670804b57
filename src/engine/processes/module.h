/* module.h - which functions a worker has at the same address as the program, and how it finds the others.
 *
 * A worker is a fork of the zygote, so it has what was loaded when the zygote was forked: there the address is enough. A function of any
 * other module goes as the module's path, its build and an offset: the worker loads the module, and sees to it that what is loaded then
 * is the same build. Functions in no file that could be loaded (trampolines, generated code) are for no other process. */
#pragma once
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { PN_BUILD_ID_MOST = 64 };

/* Tells builds apart: by the build-id; a module without one (id_size 0) by its file, on this machine alone. */
struct pn_build {
    uint32_t id_size;
    unsigned char id[PN_BUILD_ID_MOST];
    uint64_t device, inode, size;              /* all 0: has a build-id, or the file is not known */
    int64_t time_ns;                           /* when it was written */
};

enum pn_function_place {
    PN_AT_ADDRESS,                             /* workers have it at the same address */
    PN_IN_MODULE,                              /* they find it with a struct pn_module_ref */
};

struct pn_module_ref {
    struct pn_build build;
    uint64_t offset;                           /* into the module, from where it is loaded */
    char path[PATH_MAX];                       /* absolute */
};

/* How many bytes of it count: the rest need not be sent. */
static inline size_t pn_module_ref_size(const struct pn_module_ref *ref)
{
    return offsetof(struct pn_module_ref, path) + strlen(ref->path) + 1;
}

/* Remembers the modules that are loaded now. Before the zygote is forked, while no other thread calls anything here. 0 or -ENOMEM. */
int pn_modules_remember(void);
/* The zygote is another program: workers have no function at the same address. As pn_modules_remember otherwise. */
void pn_modules_forget(void);

/* PN_AT_ADDRESS; PN_IN_MODULE, and then alone *ret_ref is written; -EINVAL: the address is in no executable part of a module (a
 * trampoline, generated code), or in a module that workers lack and cannot load; -ENOMEM. Errors have words. Thread-safe. */
int pn_function_find(void (*fn)(void), struct pn_module_ref *ret_ref);

/* The same for both functions of a call (the second may be NULL), in one piece that can be sent as it is. */
struct pn_places {
    uint32_t size;                             /* of all */
    uint32_t at[2];                            /* where the function's struct pn_module_ref lies, from the beginning; 0: the address tells */
};
/* *ret_places NULL if the addresses tell, else malloc'ed. 0 or a negative errno with words. */
int pn_functions_find(void (*const fn[2])(void), struct pn_places **ret_places);
static inline const struct pn_module_ref *pn_place_of(const struct pn_places *p, int i)
{
    return p && p->at[i] ? (const void *)((const char *)p + p->at[i]) : NULL;
}

/* In a worker: loads the module if need be, and keeps it. NULL: cannot be loaded, or is another build; *ret_why says it. Thread-safe. */
void (*pn_function_load(const struct pn_module_ref *ref, char *ret_why, size_t why_size))(void);

struct pn_text { uintptr_t start, size; };      /* executable */
extern struct pn_text pn_program_text;
bool pn_function_is_fixed(void (*fn)(void));

static inline bool pn_in_text(const struct pn_text *text, uintptr_t address) { return address - text->start < text->size; }

/* true: is PN_AT_ADDRESS for sure, as it is part of the program itself or of a module that can never be unloaded. Takes no lock.
 * false: pn_function_find knows. */
static inline bool pn_function_is_plain(void (*fn)(void))
{
    return pn_in_text(&pn_program_text, (uintptr_t)fn) || pn_function_is_fixed(fn);
}
