/* input.h - the file of records that the work `records` is done on, and the two of its columns that count. */
#pragma once
#include "records/run/job.h"

#include <limits.h>

enum { INPUT_NAME_SIZE = 256, INPUT_QUERIES = 7, INPUT_QUERY_SIZE = 4 * INPUT_NAME_SIZE + 64 };
struct input {
    char path[PATH_MAX];
    uint64_t bytes;                         /* 0: not known, as it is packed */
    char name[2][INPUT_NAME_SIZE];          /* of the columns a and b */
    struct records_job job;                         /* its results: input_query, in that order */
    char query[INPUT_QUERIES][INPUT_QUERY_SIZE];
    const char *queries[INPUT_QUERIES];
};

/* What is computed: its name as a figure. */
extern const char *const input_figure[INPUT_QUERIES];

/* columns: "A,B", two names; NULL: the first two that hold nothing but numbers. SAY_OK; or the exit status, said, and nothing to close. */
int input_open(const char *path, const char *columns, struct input *ret_input);
void input_close(struct input *input);      /* also a zeroed one */
