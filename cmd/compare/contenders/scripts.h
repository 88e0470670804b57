/* scripts.h - examples/python/, inside the program, for the time that they are a folder. */
#pragma once
#include <stddef.h>

/* Makes a folder that this user alone may read, in $TMPDIR or /tmp, and writes them there. 0 or a negative errno. */
int scripts_unpack(char *ret_folder, size_t size);
void scripts_remove(const char *folder);    /* with all that is in it */
