/* contenders.h - all that are compared, in one table. */
#pragma once
#include "compare/contenders/contender.h"

/* The i-th word that --engines knows; NULL behind the last. */
const char *contenders_engine(size_t i);

/* engines: "threads,processes", in any order; NULL: all. SAY_OK, or SAY_USAGE, said. */
int contenders_choose(const char *engines, struct contender ret_contenders[CONTENDERS_N]);

/* Those of Python take part by this interpreter; NULL: `why` they do not. */
void contenders_set_python(struct contender contenders[CONTENDERS_N], const struct python *python, const char *why);

/* Tries each engine of the library once; one that this machine cannot run is told and marked as missing. */
void contenders_try(struct contender contenders[CONTENDERS_N], uint32_t workers);
