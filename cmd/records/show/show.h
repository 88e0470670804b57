/* show.h - results on standard output: as a table for people, or as CSV, JSON or one JSON object per line. */
#pragma once
#include "records/aggregate/tally.h"

#include <stdio.h>

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON, FORMAT_NDJSON };

/* By the columns named in `sort`, "NAME,-NAME,..." (- : falling); missing values come last; equal rows stay as they were. Keeps the first
 * `limit` rows (0: all). SAY_OK; or SAY_USAGE, said, with the nearest name. */
int results_sort(struct results *results, const char *sort, uint64_t limit);

/* Missing: empty in table and CSV (but "" in CSV of one column, as many pass over a blank line), null in JSON. Numbers are exact, in
 * full. */
void results_show(const struct results *results, enum format format, FILE *to);
