/* verdict.h - what a row may claim: more than the noise allows is never said. */
#pragma once
#include "compare/stats/measure.h"

#include <stdbool.h>

enum verdict {
    VERDICT_NONE,           /* nothing to compare with, or the yardstick itself */
    VERDICT_SAME,           /* the ratio is certainly within a tenth of 1: no difference that matters */
    VERDICT_GAINS,          /* else: faster than serial: the intervals do not overlap */
    VERDICT_LOSES,          /* slower: they do not overlap */
    VERDICT_TOO_NOISY,      /* they overlap, or the machine is busy */
    VERDICT_TOO_FEW         /* runs */
};
enum verdict verdict_of(const struct measure *serial, const struct measure *time, const struct ratio *speedup, bool is_busy);
const char *verdict_word(enum verdict verdict);     /* "gains", "too noisy to say", ...; NULL for VERDICT_NONE */
