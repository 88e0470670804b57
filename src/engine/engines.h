/* engines.h - all engines of this build. A new one is a folder here, a line in engines.c, and a pass of the contract tests. */
#pragma once
#include "core/engine.h"

extern const struct pn_engine pn_serial, pn_threads, pn_processes;

/* NULL: there is none of this name. */
const struct pn_engine *pn_engine_named(const char *name, size_t length);
