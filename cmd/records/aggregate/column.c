/* column.c - what all kinds have in common. */
#include "records/aggregate/column.h"

void column_init(struct column *c, const struct column_ops *ops, int32_t x, int32_t y, bool is_least)
{
    *c = (struct column){ .ops = ops, .input = { x, y } };
    c->head = (struct column_head){ .scale = -1, .scale_limit = -1, .window = -1, .is_least = is_least };
}

void column_fini(struct column *c)
{
    for (uint32_t k = 0; k < COLUMN_LANES; k++)
        lane_free(&c->lane[k]);
}
