/* file.h - reads the configuration file: libinih takes the lines apart, here they get their numbers. */
#pragma once
#include <stdio.h>

enum { FILE_WRONG = -1 };

/* tell() is called for each key in order, and ends it with a status other than 0 after it has said why. Gives that; or FILE_WRONG, with
 * the line (0: the file as a whole) and in words what is wrong; or 0. */
struct file_flaw {
    int line;
    char text[160];
};
int file_read(FILE *from, int (*tell)(const char *section, const char *key, const char *value, int line, void *arg), void *arg,
              struct file_flaw *ret_flaw);
