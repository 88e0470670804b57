/* program.h - expressions as a list of steps: query/ writes it, eval/ carries it out.
 *
 * Step by step, each makes one vector of all rows of a batch from vectors of steps before it. Equal steps are there once. A step's
 * vector lies in a slot; a slot is used again once nobody needs what lies in it, so that a program works in as little cache as it can.
 * No step has constants alone as operands: such are worked out when the program is written. */
#pragma once
#include "records/value.h"

enum { STEP_ARGS = 4 };

/* What a step makes: a number is VEC_INT, VEC_WIDE or VEC_REAL, as its batch needs. */
enum step_type { STEP_NUMBER, STEP_BOOL, STEP_TEXT };

/* Operands are numbers where nothing else is said. A step's `param` is named in the comment. */
enum step_op {
    OP_CONSTANT,        /* param: index of the constant */
    OP_NUMBERS,         /* a column's cells; param: index into shape.used */
    OP_TRIED,           /* the same; but a cell that is no number is missing, and that is not odd */
    OP_TEXTS,           /* the same column as text */
    OP_NUMBER,          /* of a bool: 0 or 1 */
    OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD, OP_NEG, OP_ABS,
    OP_POWER,           /* param: the exponent, 0..POWER_MAX; exact where it fits */
    OP_POW,
    OP_FLOOR, OP_CEIL,
    OP_ROUND,           /* param: digits behind the point, ROUND_LEAST..SCALE_MAX */
    OP_SQRT, OP_CBRT, OP_EXP, OP_LN, OP_LOG10, OP_LOG2, OP_SIN, OP_COS, OP_TAN, OP_ATAN2,
    OP_LEAST, OP_GREATEST,                          /* two numbers or two texts */
    OP_IF,              /* bool, then two of the type of the step */
    OP_COMPARE,         /* param: enum compare */
    OP_COMPARE_TEXT,    /* the same of texts */
    OP_COMPARE_EITHER,  /* the same of numbers [0] and [1] where both are present, else of texts [2] and [3] */
    OP_IN,              /* a text; param: index of the list */
    OP_AND, OP_OR, OP_NOT,                          /* bools */
    OP_HAS,             /* anything: whether it is present */
    OP_LENGTH, OP_LOWER, OP_UPPER, OP_SUBSTR, OP_STARTS_WITH, OP_CONTAINS,      /* texts; numbers behind the first of OP_SUBSTR */
    OP_YEAR, OP_MONTH, OP_DAY, OP_HOUR,             /* texts */
    OPS_N
};
enum compare { COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE, COMPARE_EQ, COMPARE_NE };
enum { POWER_MAX = 64, ROUND_LEAST = -18 };

struct step {
    uint8_t op, type;           /* enum step_op, enum step_type */
    uint8_t n_args;
    int32_t param;
    uint32_t arg[STEP_ARGS];    /* steps before this one */
    uint32_t slot;              /* not of OP_CONSTANT */
};

/* In order of size, then of bytes; none twice. */
struct text_list { uint32_t n; const struct text *item; };

struct program {
    uint32_t n_steps, n_outs, n_constants, n_lists, n_slots;
    const struct step *step;
    const uint32_t *out;                /* the step that makes output i */
    const struct value *constant;       /* numbers, reals, bools, texts; none is missing */
    const struct text_list *list;
};
