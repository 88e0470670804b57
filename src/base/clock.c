#include "base/clock.h"
#include <limits.h>

prong_time pn_after_ms(prong_time start, uint64_t ms)
{
    prong_time span, at;
    if (ms > INT64_MAX || __builtin_mul_overflow((prong_time)ms, 1000000, &span) || __builtin_add_overflow(start, span, &at))
        return INT64_MAX;
    return at;
}

prong_time prong_in_ms(int64_t ms)
{
    return ms <= 0 ? PRONG_NOW : pn_after_ms(pn_now(), (uint64_t)ms);
}

int pn_poll_ms(prong_time deadline)
{
    if (deadline == PRONG_NEVER)
        return -1;
    prong_time left = deadline - pn_now();
    if (left <= 0)
        return 0;
    prong_time ms = left / 1000000 + (left % 1000000 != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}
