/* words.h - what several formats say alike. Each writes to buf of `size` bytes and returns it. */
#pragma once
#include "compare/report.h"

enum { WORDS_SIZE = 128 };

/* "too noisy to say", "97 % of ideal", ...; empty for the yardstick. */
const char *words_verdict(const struct report *report, const struct job *job, const struct job_row *row, char *buf, size_t size);

/* A cost in the way of people: "start and join a worker, program of 10 MB". NULL for one that nobody knows. */
const char *words_cost(const struct cost *cost);
/* "66.8 us", "60 KB", "1 of 100 runs"; "-" if it was not measured. */
const char *words_cost_value(const struct cost *cost, char *buf, size_t size);
const char *words_cost_interval(const struct cost *cost, char *buf, size_t size);      /* empty where there is none */

const char *words_language(const char *language);   /* "C", "Python" */

/* The columns of a table of costs, from left to right: engines that have any cost at all, and how each is called. Gives their number. */
struct words_column {
    const char *engine, *heading;
};
enum { WORDS_COLUMNS_MAX = 8 };
size_t words_cost_columns(const struct costs *costs, struct words_column ret_columns[WORDS_COLUMNS_MAX]);
