/* streams.h - input that comes in one order only: standard input, pipes, packed files. */
#pragma once
#include "records/run/gather.h"

/* Reads stream number `file` to its end, cut into texts of whole rows, each of which becomes a run. SAY_OK, also where something is wrong
 * with the input (in g->flaw); or the exit status, said. */
int streams_run(const struct records_job *job, struct gather *g, uint32_t file, bool shows_progress, uint64_t *texts);
