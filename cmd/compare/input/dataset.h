/* dataset.h - the records that `prong compare` takes when it is given none.
 *
 * data/packages.csv, 3,971 real Debian packages, grown to 2,000,000 rows: for each row one number is drawn from splitmix64
 * (G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", 2014; row i takes the i-th number of
 * the seed). Its upper 32 bits choose the package, its lower 16 bits a factor from 0.5 to 1.5 by which both sizes are
 * multiplied, rounded down. So any row can be made for itself, and every machine makes the same file. */
#pragma once
#include <stddef.h>

/* Finds the file in the user's cache, or makes it and says so. `path` has PATH_MAX bytes; `source` gets words for people.
 * SAY_OK, or the exit status, said. */
int dataset_get(char *ret_path, char *ret_source, size_t source_size);
