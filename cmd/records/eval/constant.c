/* constant.c - numbers in as few bits as they need. */
#include "records/eval/constant.h"

struct vec constant_vec(const struct value *value, void *room)
{
    struct vec v = { .is_constant = true, .scale = value->kind == VALUE_NUMBER ? value->scale : 0, .i = room };
    switch (value->kind) {
    case VALUE_NUMBER:
        if (value->number > INT64_MAX || value->number < -INT64_MAX) {
            v.kind = VEC_WIDE;
            *v.w = value->number;
        } else {
            v.kind = VEC_INT;
            *v.i = (int64_t)value->number;
            v.most = (uint64_t)(*v.i < 0 ? -*v.i : *v.i);
        }
        break;
    case VALUE_REAL:
        v.kind = VEC_REAL;
        *v.r = value->real;
        break;
    case VALUE_BOOL:
        v.kind = VEC_BOOL;
        *v.b = value->truth;
        break;
    default:
        v.kind = VEC_TEXT;
        *v.t = value->text;
    }
    return v;
}
