/* place.h - where one is in a JSON text, in words for whoever sent it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum { PLACE_DEPTH = 8 };

/* Brackets within brackets, more than PLACE_DEPTH. Any bytes. */
bool place_is_too_deep(const char *body, size_t size);

/* "items[2].qty": the member or element that the bytes before `at` end in; a well-formed text up to there, and not too deep. A name that
 * may not be shown ends the path early. */
void place_path(const char *body, size_t at, char *buf, size_t buf_size);
