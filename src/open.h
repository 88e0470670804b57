/* open.h - from options, with an engine's name in them, to a pool. */
#pragma once
#include <prong.h>

/* `exactly` so many workers, whatever the options say; 0: what they say. */
int pn_open(const prong_pool_opts *opts, uint32_t exactly, prong_pool **ret_pool);
