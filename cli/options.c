/* options.c - reads a command line by a table of options, and shows the table. */
#include "options.h"

#include "nearest.h"
#include "say.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_MAX = 64, WIDTH = 80, COLUMN = 26 };

static const struct option help_option = { .name = "--help", .letter = "-h", .kind = OPTION_FLAG, .help = "this text" };

/* ---- the table ----------------------------------------------------------------------------------------------------------- */

const struct option *option_of(const struct command *command, size_t i)
{
    size_t n = 0;
    while (command->options && command->options[n].name)
        n++;
    return i < n ? &command->options[i] : i == n ? &help_option : NULL;
}

int option_takes_word(const struct option *o)
{
    return o->kind != OPTION_FLAG && o->kind != OPTION_MAYBE && o->kind != OPTION_MAYBE_COUNT;
}

const char *option_form(const struct option *o, char *buf, size_t size)
{
    const char *letter = o->letter ? o->letter : "", *comma = o->letter ? ", " : "";
    if (o->kind == OPTION_FLAG)
        snprintf(buf, size, "%s%s%s", letter, comma, o->name);
    else
        snprintf(buf, size, option_takes_word(o) ? "%s%s%s %s" : "%s%s%s[=%s]", letter, comma, o->name, o->value);
    return buf;
}

/* "serial, threads, processes" */
static const char *known_names(const struct option *o, char *buf, size_t size)
{
    const char *name;
    buf[0] = '\0';
    for (size_t i = 0; (name = o->names(i)); i++)
        text_add(buf, size, "%s%s", i ? ", " : "", name);
    return buf;
}

static bool is_program(const struct command *command)
{
    return command->commands && !command->words;
}

/* ---- --help -------------------------------------------------------------------------------------------------------------- */

static void show_usage(const struct command *command)
{
    if (is_program(command))
        printf("usage: %s COMMAND [OPTION]...\n       %s --help | --version\n", command->name, command->name);
    else
        printf("usage: %s %s %s%s%s\n", say_name, command->name, command->options ? "[OPTION]..." : "[COMMAND]", command->words ? " " : "",
               command->words ? command->words : "");
}

static void show_names(const struct option *o)
{
    char names[512];
    printf("%*s", COLUMN, "");
    text_wrap(stdout, known_names(o, names, sizeof names), COLUMN, COLUMN, WIDTH);
}

static void show_option(const struct option *o)
{
    char form[128];
    int width = printf("  %s", option_form(o, form, sizeof form));
    printf("%*s", width < COLUMN - 1 ? COLUMN - width : 0, "");
    if (width >= COLUMN - 1)
        printf("\n%*s", COLUMN, "");
    text_wrap(stdout, o->help, COLUMN, COLUMN, WIDTH);
    if (o->names)
        show_names(o);
}

static void show_paragraphs(const char *text)
{
    if (!text)
        return;
    putchar('\n');
    text_wrap(stdout, text, 0, 0, WIDTH);
}

static void show_explained(const char *heading, const struct explained *list, int column)
{
    if (!list)
        return;
    printf("\n%s:\n", heading);
    for (; list->what; list++) {
        int width = printf("  %s", list->what);
        if (width >= column)
            printf("\n%*s", column, "");
        else
            printf("%*s", column - width, "");
        text_wrap(stdout, list->how, column, column, WIDTH);
    }
}

/* Their lists alone: the rest is for the manual page. */
static void show_sections(const struct command *command)
{
    for (const struct section *s = command->sections; s && s->heading; s++) {
        char forms[2048] = "";
        const char *form, *help;
        for (size_t i = 0; s->list && s->list(i, &form, &help); i++)
            text_add(forms, sizeof forms, "%s%s", i ? "  " : "", form);
        if (!forms[0])
            continue;
        printf("\n%c", s->heading[0]);
        for (const char *p = s->heading + 1; *p; p++)
            putchar(tolower((unsigned char)*p));
        fputs(":\n  ", stdout);
        text_wrap(stdout, forms, 2, 2, WIDTH);
    }
    if (command->sections)
        printf("\nThe manual page tells more:\n  man %s%s%s\n  %s --generate man-%s | man -l -\n", say_name, is_program(command) ? "" : "-",
               is_program(command) ? "" : command->name, say_name, command->name);
}

static void show_commands(const struct command *const *commands)
{
    if (!commands)
        return;
    fputs("\nCommands:\n", stdout);
    for (; *commands; commands++) {
        int width = printf("  %s %s", say_name, (*commands)->name);
        printf("%*s", width < COLUMN ? COLUMN - width : 1, "");
        text_wrap(stdout, (*commands)->summary, COLUMN, COLUMN, WIDTH);
    }
}

void options_show(const struct command *command)
{
    show_usage(command);
    show_paragraphs(command->about ? command->about : command->summary);
    show_commands(command->commands);
    const struct option *o;
    for (size_t i = 0; (o = option_of(command, i)); i++) {
        if (o->group || i == 0)
            printf("\n%s:\n", o->group ? o->group : "Options");
        show_option(o);
    }
    show_sections(command);
    show_explained("Examples", command->examples, COLUMN + 14);
    show_explained("Exit status", command->exits, 8);
    show_paragraphs(command->more);
}

/* ---- the command line ---------------------------------------------------------------------------------------------------- */

static int wrong_usage(const struct command *command)
{
    say_hint("%s%s%s --help tells what there is", is_program(command) ? "" : say_name, is_program(command) ? "" : " ", command->name);
    return SAY_USAGE;
}

static const struct option *find(const struct command *command, const char *name, size_t size)
{
    const struct option *o;
    for (size_t i = 0; (o = option_of(command, i)); i++)
        if (strlen(o->name) == size && memcmp(o->name, name, size) == 0)
            return o;
    return NULL;
}

/* "-j" and "-j4"; not "--json". */
static const struct option *find_letter(const struct command *command, const char *word)
{
    const struct option *o;
    for (size_t i = 0; (o = option_of(command, i)); i++)
        if (o->letter && word[1] == o->letter[1])
            return o;
    return NULL;
}

static void say_unknown(const struct command *command, const char *word, size_t size)
{
    char name[64];
    const char *names[NAMES_MAX];
    size_t n = 0;
    for (const struct option *o; n < NAMES_MAX && (o = option_of(command, n)); n++)
        names[n] = o->name;
    snprintf(name, sizeof name, "%.*s", (int)(size < sizeof name ? size : sizeof name - 1), word);
    const char *near = nearest_of(name, names, n);
    (void)say_error(SAY_USAGE, "unknown option %s", name);
    if (near)
        say_hint("did you mean %s?", near);
}

static int wrong_choice(const struct option *o, const char *value)
{
    char known[512];
    const char *names[NAMES_MAX];
    size_t n = 0;
    for (; n < NAMES_MAX && (names[n] = o->names(n)); n++)
        ;
    const char *near = nearest_of(value, names, n);
    (void)say_error(SAY_USAGE, "%s does not know '%s'", o->name, value);
    if (near)
        say_hint("did you mean %s %s?", o->name, near);
    else
        say_hint("%s takes one of %s", o->name, known_names(o, known, sizeof known));
    return SAY_USAGE;
}

static int store_choice(const struct option *o, const char *value, const char **ret_choice)
{
    const char *name;
    for (size_t i = 0; (name = o->names(i)); i++)
        if (strcmp(name, value) == 0) {
            *ret_choice = value;
            return SAY_OK;
        }
    return wrong_choice(o, value);
}

static int store_count(const struct option *o, const char *text, uint32_t *ret_count)
{
    char *end;
    errno = 0;
    unsigned long count = strtoul(text, &end, 10), least = o->zero ? 0 : 1;
    if (text[0] < '0' || text[0] > '9' || *end || errno || count < least || count > o->most)
        return say_error(SAY_USAGE, "%s takes a whole number from %lu to %u, found '%s'", o->name, least, o->most, text);
    *ret_count = (uint32_t)count;
    return SAY_OK;
}

/* There is room for all words there can be. */
static int add_word(struct words *words, const char *word, int argc)
{
    if (!words->word && !(words->word = calloc((size_t)argc, sizeof *words->word)))
        return say_error(SAY_MISSING, "no memory for the command line");
    words->word[words->n++] = word;
    return SAY_OK;
}

void words_free(struct words *words)
{
    free(words->word);
    *words = (struct words){ 0 };
}

/* value: NULL where it may be left out, and was. */
static int store(const struct option *o, const char *value, int argc, void *to)
{
    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)to = true;
        return SAY_OK;
    case OPTION_CHOICE:
        return store_choice(o, value, to);
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_LIST:
    case OPTION_MAYBE:
        *(const char **)to = value ? value : o->bare_text;
        return SAY_OK;
    case OPTION_MAYBE_COUNT:
        if (!value) {
            *(uint32_t *)to = o->bare_count;
            return SAY_OK;
        }
        return store_count(o, value, to);
    case OPTION_COUNT:
        return store_count(o, value, to);
    case OPTION_EACH:
        return add_word(to, value, argc);
    }
    return SAY_USAGE;
}

/* The option that this word names, and the value that stands in it; NULL, said. */
static const struct option *take_apart(const struct command *command, const char *word, const char **ret_value)
{
    size_t size = strcspn(word, "=");
    bool is_letter = word[1] != '-';
    const struct option *o = is_letter ? find_letter(command, word) : find(command, word, size);
    *ret_value = is_letter ? (word[1] && word[2] ? word + 2 : NULL) : word[size] ? word + size + 1 : NULL;
    if (!o) {
        say_unknown(command, word, size);
        (void)wrong_usage(command);
    }
    return o;
}

static void mark(const struct command *command, const struct option *o, bool given[])
{
    for (size_t i = 0; given && option_of(command, i); i++)
        given[i] = given[i] || option_of(command, i) == o;
}

/* One option, and its value where it has one, from argv[*i]; leaves *i at the last word that it took. */
static int read_one(const struct command *command, void *request, int argc, char *const argv[], int *i, bool given[])
{
    const char *value;
    const struct option *o = take_apart(command, argv[*i], &value);
    if (!o)
        return SAY_USAGE;
    if (o == &help_option && !value) {
        options_show(command);
        return OPTIONS_SHOWN;
    }
    if (o->kind == OPTION_FLAG && value) {
        (void)say_error(SAY_USAGE, "%s takes no value, found '%s'", o->name, value);
        return wrong_usage(command);
    }
    if (option_takes_word(o) && !value && *i + 1 < argc)
        value = argv[++*i];
    if (option_takes_word(o) && !value) {
        (void)say_error(SAY_USAGE, "%s needs a value: %s %s", o->name, o->name, o->value);
        return wrong_usage(command);
    }
    mark(command, o, given);
    int status = store(o, value, argc, (char *)request + o->at);
    return status == SAY_USAGE ? wrong_usage(command) : status;
}

/* What follows is the value of the option before more often than an argument. */
static int wrong_word(const struct command *command, const char *word, const char *before)
{
    const struct option *o = find(command, before, strlen(before));
    (void)say_error(SAY_USAGE, "no idea what to do with '%s'", word);
    if (o && (o->kind == OPTION_MAYBE || o->kind == OPTION_MAYBE_COUNT))
        say_hint("the value of %s comes behind an equals sign: %s=%s", o->name, o->name, word);
    return wrong_usage(command);
}

int options_read(const struct command *command, void *request, int argc, char *const argv[])
{
    return options_read_given(command, request, argc, argv, NULL);
}

int options_read_given(const struct command *command, void *request, int argc, char *const argv[], bool ret_given[])
{
    bool all_words = false;
    int status = SAY_OK;
    for (int i = 1; i < argc && status == SAY_OK; i++) {
        bool is_word = all_words || argv[i][0] != '-' || (command->words && !argv[i][1]);
        if (!is_word && command->words && strcmp(argv[i], "--") == 0)
            all_words = true;
        else if (!is_word)
            status = read_one(command, request, argc, argv, &i, ret_given);
        else if (command->words)
            status = add_word((struct words *)((char *)request + command->words_at), argv[i], argc);
        else
            status = wrong_word(command, argv[i], argv[i - 1]);
    }
    return status;
}
