/* file.c - libinih as Debian builds it tells no line numbers, cuts long lines into several and takes an indented one for more of the
 * value before: so it gets its lines from here, without the blanks they begin with. */
#include "settings/file.h"

#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <string.h>

struct reading {
    FILE *from;
    int line;
    int (*tell)(const char *section, const char *key, const char *value, int line, void *arg);
    void *arg;
    int status;                 /* tell's */
    bool is_wrong;
    struct file_flaw *flaw;     /* set if it is */
};

static void spoil(struct reading *reading, int line, const char *text)
{
    reading->is_wrong = true;
    reading->flaw->line = line;
    snprintf(reading->flaw->text, sizeof reading->flaw->text, "%s", text);
}

/* Like fgets(), for libinih. */
static char *next_line(char *line, int size, void *arg)
{
    struct reading *reading = arg;
    int n = 0, c;
    do
        c = getc(reading->from);
    while (c == ' ' || c == '\t');
    if (c != EOF)
        line[n++] = (char)c;
    while (n < size - 1 && c != '\n' && (c = getc(reading->from)) != EOF)
        line[n++] = (char)c;
    if (n == 0 || reading->is_wrong || reading->status)
        return NULL;
    line[n] = '\0';
    reading->line++;
    if (memchr(line, '\0', (size_t)n))
        spoil(reading, reading->line, "a byte 0: this is no text file");
    else if (n == size - 1 && c != '\n')
        spoil(reading, reading->line, "the line is too long: 198 characters are the most");
    return reading->is_wrong ? NULL : line;
}

static int on_key(void *arg, const char *section, const char *key, const char *value)
{
    struct reading *reading = arg;
    if (reading->status || reading->is_wrong)
        return 0;
    reading->status = reading->tell(section, key, value, reading->line, reading->arg);
    return reading->status == 0;
}

int file_read(FILE *from, int (*tell)(const char *section, const char *key, const char *value, int line, void *arg), void *arg,
              struct file_flaw *ret_flaw)
{
    struct reading reading = { .from = from, .tell = tell, .arg = arg, .flaw = ret_flaw };
    int first_bad = ini_parse_stream(next_line, &reading, on_key, &reading);
    if (reading.status)
        return reading.status;
    if (!reading.is_wrong && ferror(from))
        spoil(&reading, 0, strerror(errno));
    if (!reading.is_wrong && first_bad < 0)
        spoil(&reading, 0, "out of memory");
    if (!reading.is_wrong && first_bad > 0)
        spoil(&reading, first_bad, "neither `key = value` nor [serve] nor a comment");
    return reading.is_wrong ? FILE_WRONG : 0;
}
