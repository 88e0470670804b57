/* pace.h - how fast: at most so many in a second, and how long after a refusal. One thread. */
#pragma once
#include <stdint.h>

/* A bucket of tokens: as many as flow in within a second may go at once. */
struct pace {
    double tokens, per_ms;      /* per_ms 0: no limit */
    int64_t at_ms;
};
void pace_init(struct pace *pace, uint32_t per_second, int64_t now_ms);
uint32_t pace_may(struct pace *pace, uint32_t most, int64_t now_ms);    /* how many may go now, up to `most`; takes none */
void pace_took(struct pace *pace, uint32_t n);
int64_t pace_wait_ms(const struct pace *pace);                          /* until one may go; 0: now */

/* The pause after the try number `tries` (from 1): first_ms, doubled each time, up to an hour, less up to a half by chance. */
int64_t pace_backoff_ms(uint32_t first_ms, int64_t tries);
