/* header.h - the first record of a file: which delimiter, how many fields, what they are called. */
#pragma once
#include "records/source/source.h"

/* The size of the first record with its end of line; 0: the text ends before (and is_all is false). */
size_t header_size(const char *text, size_t size, bool is_all, char quote);

/* The one of , ; tab | that it has most of outside quotes. */
char header_delimiter(const char *text, size_t size, char quote);

/* The fields of a record without its end of line, as names: unquoted, without blanks around them where they are not quoted. `text`, with
 * room for a byte behind it, is changed; the names point into it. `at`: where it stands. *ret_names is malloc'ed. 0 or a flaw. */
int header_names(char *text, size_t size, char delimiter, char quote, place at, char ***ret_names, uint32_t *ret_n, struct flaw *ret_flaw);
