/* stand.h - the stand-in gateway on a thread of its own, beside the shop. */
#pragma once
#include "standin/standin.h"

struct stand;
/* On 127.0.0.1, any port; NULL said. */
struct stand *stand_open(const struct standin_opts *opts);
uint16_t stand_port(const struct stand *stand);
void stand_close(struct stand *stand);      /* NULL is fine */
