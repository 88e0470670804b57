/* list.h - an option whose value is several names of a known set, with commas between: "threads,serial". */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Marks those of `names` that stand in `list`; NULL: all. SAY_OK; or SAY_USAGE, with the nearest name said, for one that is unknown or
 * missing. */
int list_choose(const char *option, const char *list, const char *const names[], size_t n, bool ret_chosen[]);
