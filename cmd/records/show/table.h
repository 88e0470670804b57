/* table.h - results for people: columns side by side, numbers to the right.
 *
 * What would not show, or would break the lines (control characters, bytes that are no UTF-8), is written as in C: \n, \xff. `width` > 0:
 * long texts are cut until lines fit, where they can; a cut text ends in "...". True: some are. */
#pragma once
#include "records/show/show.h"

bool results_table(const struct results *results, uint32_t width, FILE *to);
