/* metrics.h - what GET /metrics shows, in the OpenMetrics text format. */
#pragma once
#include "serve/shop.h"

char *metrics_text(const struct shop *shop, size_t *ret_size);      /* malloc'd; NULL: no memory */
