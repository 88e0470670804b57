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
    if (time->high < serial->low)
        return VERDICT_GAINS;
    if (time->low > serial->high)
        return VERDICT_LOSES;
    return speedup->low > 1 - close_to_1 && speedup->high < 1 + close_to_1 ? VERDICT_SAME : VERDICT_TOO_NOISY;
}

const char *verdict_word(enum verdict verdict)
{
    static const char *const word[] = { NULL, "gains", "loses", "same", "too noisy to say", "too few runs to say" };
    return word[verdict];
}
