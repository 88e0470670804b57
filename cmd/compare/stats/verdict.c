/* verdict.c - what the intervals allow. */
#include "compare/stats/verdict.h"

#include <stddef.h>

static const double close_to_1 = 0.1;

enum verdict verdict_of(const struct measure *serial, const struct measure *time, const struct ratio *speedup, bool is_busy)
{
    if (!serial->runs || !time->runs)
        return VERDICT_NONE;
    if (serial->runs < MEASURE_RUNS_ENOUGH || time->runs < MEASURE_RUNS_ENOUGH)
        return VERDICT_TOO_FEW;
    if (is_busy)
        return VERDICT_TOO_NOISY;
    if (speedup->low > 1 - close_to_1 && speedup->high < 1 + close_to_1)
        return VERDICT_SAME;
    if (time->high < serial->low)
        return VERDICT_GAINS;
    return time->low > serial->high ? VERDICT_LOSES : VERDICT_TOO_NOISY;
}

const char *verdict_word(enum verdict verdict)
{
    static const char *const word[] = {
        [VERDICT_SAME] = "same", [VERDICT_GAINS] = "gains", [VERDICT_LOSES] = "loses", [VERDICT_TOO_NOISY] = "too noisy to say",
        [VERDICT_TOO_FEW] = "too few runs to say",
    };
    return word[verdict];
}
