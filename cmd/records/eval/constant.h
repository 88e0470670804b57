/* constant.h - a value as a vector. */
#pragma once
#include "records/value.h"

/* In `room`, for one value of any kind, aligned to 16. Not of what is missing. */
struct vec constant_vec(const struct value *value, void *room);
