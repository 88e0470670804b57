#include "engine/engines.h"
#include <string.h>

static const struct pn_engine *const all[] = { &pn_serial, &pn_threads, &pn_processes };

const struct pn_engine *pn_engine_named(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strlen(all[i]->name) == length && !strncmp(all[i]->name, name, length))
            return all[i];
    return NULL;
}
