/* value.h - one value, by itself: a result, a key, a constant. */
#pragma once
#include "records/vec.h"

enum value_kind { VALUE_MISSING, VALUE_NUMBER, VALUE_REAL, VALUE_BOOL, VALUE_TEXT };
struct value {
    uint8_t kind;
    uint8_t scale;              /* VALUE_NUMBER: number / 10^scale, exact */
    union { wide number; double real; bool truth; struct text text; };
};
