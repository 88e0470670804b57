/* gen.h - orders of T-shirts for trials and benchmarks: as many rows as one likes, the same on every machine.
 *
 * A row depends on the seed and its number alone, so rows can be made in any order and by any number of workers: those of a range are
 * the bytes that stand there in the whole file.
 *
 *   order_id     1000000 and up          unit_price   5.00 to 49.99
 *   timestamp    every 15 s from 2016    discount     0.00 to 0.50, by 0.05
 *   country      25, a few of them most  customer_id  400,000, of whom some order oftener
 *   size         XS to XXL               email        a customer's always the same
 *   colour       10                      note         most are empty; 2 in 100 are quoted, with commas, newlines, quotes, UTF-8, and some
 *   quantity     1 to 9, mostly few                   have lines that look like rows
 *
 * 1 to 2 cells in 100 are empty, but for order_id and timestamp. A row has about 91 bytes. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define GEN_HEADER "order_id,timestamp,country,size,colour,quantity,unit_price,discount,customer_id,email,note\n"
#define GEN_ROWS_MOST UINT64_C(10000000000)     /* in the year 6769 */

/* Rows lo .. hi - 1 (from 0; without the header), to a text of *ret_size bytes for free(). 0 or -ENOMEM. Any thread may call it. */
int gen_rows(uint64_t seed, uint64_t lo, uint64_t hi, char **ret_text, size_t *ret_size);

/* The header and all rows to a descriptor. 0 or a negative errno: -EINTR after an interrupt. */
int gen_write(uint64_t seed, uint64_t n_rows, int fd);
