/* pace.c - reals, so that slow rates lose no parts of tokens. */
#include "mail/pace.h"

#include <sodium.h>

static const int64_t backoff_most_ms = 3600000;

static double bucket(const struct pace *pace)
{
    double second = pace->per_ms * 1000;
    return second < 1 ? 1 : second;
}

void pace_init(struct pace *pace, uint32_t per_second, int64_t now_ms)
{
    *pace = (struct pace){ .per_ms = per_second / 1000.0, .at_ms = now_ms };
    pace->tokens = bucket(pace);
}

uint32_t pace_may(struct pace *pace, uint32_t most, int64_t now_ms)
{
    if (pace->per_ms <= 0)
        return most;
    double full = bucket(pace);
    pace->tokens += (double)(now_ms - pace->at_ms) * pace->per_ms;
    pace->tokens = pace->tokens > full ? full : pace->tokens;
    pace->at_ms = now_ms;
    return pace->tokens < 1 ? 0 : pace->tokens < most ? (uint32_t)pace->tokens : most;
}

void pace_took(struct pace *pace, uint32_t n)
{
    if (pace->per_ms > 0)
        pace->tokens -= n;
}

int64_t pace_wait_ms(const struct pace *pace)
{
    return pace->per_ms <= 0 || pace->tokens >= 1 ? 0 : (int64_t)((1 - pace->tokens) / pace->per_ms) + 1;
}

int64_t pace_backoff_ms(uint32_t first_ms, int64_t tries)
{
    int64_t pause = first_ms;
    for (int64_t i = 1; i < tries && pause < backoff_most_ms; i++)
        pause *= 2;
    pause = pause > backoff_most_ms ? backoff_most_ms : pause;
    return pause - (int64_t)randombytes_uniform((uint32_t)(pause / 2) + 1);
}
