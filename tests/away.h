/* away.h - the records of the tasks in away.c. */
#pragma once
#include <stdint.h>

struct away_sum { const uint32_t *numbers; uint32_t n; uint64_t sum; };
struct away_who { int pid, parent; };
struct away_around { char folder[256], word[64]; };
struct away_stay { _Atomic uint32_t *here; };
