/* form.h - application/x-www-form-urlencoded, read in place. */
#pragma once
#include <stdbool.h>

/* The next pair, decoded where it lies; *at moves behind it. False: no more, and *at is NULL; or it is malformed (a bad %, a NUL), and *at
 * is where. */
bool form_next(char **at, char **ret_name, char **ret_value);
