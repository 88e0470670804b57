/* orders.h - the records that `prong compare` takes when it is given none: those of `prong records gen`, 2,000,000 rows. */
#pragma once
#include <stddef.h>

/* Finds the file in the user's cache, or makes it and says so. `path` has PATH_MAX bytes; `source` gets words for people.
 * SAY_OK, or the exit status, said. */
int orders_get(char *ret_path, char *ret_source, size_t source_size);
