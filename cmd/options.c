/* options.c - reads a command line by a table of options, and shows the table. */
#include "options.h"

#include "nearest.h"
#include "say.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 32 };

static const struct option help_option = { .name = "--help", .kind = OPTION_FLAG, .help = "this text" };

static void show_usage(FILE *to, const struct command *command, const struct option options[])
{
    fprintf(to, "usage: %s", command->name);
    for (const struct option *o = options; o->name; o++)
        fprintf(to, " [%s%s%s]", o->name, o->value ? " " : "", o->value ? o->value : "");
    fputs(" [--help]\n", to);
}

static void show_option(const struct option *o)
{
    int width = printf("  %s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
    printf("%*s%s\n", width < 24 ? 24 - width : 1, "", o->help);
}

static void show_help(const struct command *command, const struct option options[])
{
    show_usage(stdout, command, options);
    printf("\n%s\n\n", command->summary);
    for (const struct option *o = options; o->name; o++)
        show_option(o);
    show_option(&help_option);
    if (command->more)
        printf("\n%s\n", command->more);
}

static int wrong_usage(const struct command *command, const struct option options[])
{
    show_usage(stderr, command, options);
    return SAY_USAGE;
}

static const struct option *find(const struct option options[], const char *name, size_t size)
{
    for (const struct option *o = options; o->name; o++)
        if (strlen(o->name) == size && memcmp(o->name, name, size) == 0)
            return o;
    return NULL;
}

static void say_unknown(const struct option options[], const char *word, int size)
{
    char name[64];
    const char *names[NAMES_MAX] = { help_option.name };
    size_t n = 1;
    for (const struct option *o = options; o->name && n < NAMES_MAX; o++)
        names[n++] = o->name;
    snprintf(name, sizeof name, "%.*s", size, word);
    const char *near = nearest_of(name, names, n);
    (void)say_error(SAY_USAGE, "unknown option %.*s", size, word);
    if (near)
        say_hint("did you mean %s?", near);
}

static bool read_count(const char *text, uint32_t most, uint32_t *ret_count)
{
    char *end;
    errno = 0;
    unsigned long count = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || count < 1 || count > most)
        return false;
    *ret_count = (uint32_t)count;
    return true;
}

static bool store(const struct option *o, const char *value)
{
    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)o->ret_value = true;
        return true;
    case OPTION_TEXT:
        *(const char **)o->ret_value = value;
        return true;
    case OPTION_COUNT:
        return read_count(value, o->most, o->ret_value);
    }
    return false;
}

/* One option, and its value where it has one, from argv[*i]; leaves *i at the last word that it took. */
static int read_one(const struct command *command, const struct option options[], int argc, char *const argv[], int *i)
{
    const char *word = argv[*i];
    size_t size = strcspn(word, "=");
    const char *value = word[size] ? word + size + 1 : NULL;
    const struct option *o = find(options, word, size);
    if (!o) {
        say_unknown(options, word, (int)size);
        return wrong_usage(command, options);
    }
    if (o->kind == OPTION_FLAG && value) {
        (void)say_error(SAY_USAGE, "%s takes no value, found '%s'", o->name, value);
        return wrong_usage(command, options);
    }
    if (o->kind != OPTION_FLAG && !value && *i + 1 < argc)
        value = argv[++*i];
    if (o->kind != OPTION_FLAG && !value) {
        (void)say_error(SAY_USAGE, "%s needs a value: %s %s", o->name, o->name, o->value);
        return wrong_usage(command, options);
    }
    if (!store(o, value)) {
        (void)say_error(SAY_USAGE, "%s takes a whole number from 1 to %u, found '%s'", o->name, o->most, value);
        return wrong_usage(command, options);
    }
    return SAY_OK;
}

int options_read(const struct command *command, const struct option options[], int argc, char *const argv[])
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], help_option.name) == 0) {
            show_help(command, options);
            return OPTIONS_SHOWN;
        }
        if (argv[i][0] != '-') {
            (void)say_error(SAY_USAGE, "no idea what to do with '%s'", argv[i]);
            return wrong_usage(command, options);
        }
        int status = read_one(command, options, argc, argv, &i);
        if (status != SAY_OK)
            return status;
    }
    return SAY_OK;
}
