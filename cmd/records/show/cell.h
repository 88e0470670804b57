/* cell.h - one result as text. */
#pragma once
#include "records/number.h"
#include "records/value.h"

static inline bool is_number(const struct value *value)
{
    return value->kind == VALUE_NUMBER || value->kind == VALUE_REAL;
}

/* In `buf`, or where the value has it. Missing: empty. */
static inline struct text cell_text(const struct value *value, char buf[NUMBER_TEXT])
{
    switch (value->kind) {
    case VALUE_NUMBER:
    case VALUE_REAL:
        return (struct text){ buf, number_write(value, buf) };
    case VALUE_BOOL:
        return value->truth ? (struct text){ "true", 4 } : (struct text){ "false", 5 };
    case VALUE_TEXT:
        return value->text;
    default:
        return (struct text){ "", 0 };
    }
}
