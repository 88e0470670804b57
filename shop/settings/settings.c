/* settings.c - each setting of the file and of the environment is made a word "--key=value", which options_read() reads into the same
 * request, one after the other, before the command line, so that the last one holds. */
#include "settings/settings.h"

#include "nearest.h"
#include "say.h"
#include "settings/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char variable_prefix[] = "PRONG_SHOP_", command_line[] = "command line";
extern char **environ;

struct layers {
    const struct command *command, *whole;
    void *request;
    struct settings *settings;
    const char *path;                   /* of the file */
    int lines[SETTINGS_MAX];            /* where the file has it, by `whole`; 0: not yet */
};

/* ---- the table ----------------------------------------------------------------------------------------------------------- */

/* SIZE_MAX: it has none of that name. */
static size_t find(const struct command *command, const char *name, size_t size)
{
    const struct option *o;
    for (size_t i = 0; (o = option_of(command, i)); i++)
        if (strlen(o->name) == size && memcmp(o->name, name, size) == 0)
            return i;
    return SIZE_MAX;
}

bool settings_has(const struct command *whole, const struct option *o)
{
    static const char *const others[] = { "--config", "--check-config", "--help" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(o->name, others[i]) == 0)
            return false;
    return find(whole, o->name, strlen(o->name)) != SIZE_MAX;
}

const char *settings_variable(const struct option *o, char *buf, size_t size)
{
    snprintf(buf, size, "%s%s", variable_prefix, o->name + 2);
    for (char *p = buf + strlen(variable_prefix); *p; p++)
        *p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
    return buf;
}

static void say_near(const struct command *whole, const char *what, const char *name,
                     const char *(*text)(const struct option *, char *, size_t))
{
    static char texts[SETTINGS_MAX][64];
    const char *names[SETTINGS_MAX] = { NULL };
    const struct option *o;
    for (size_t i = 0; i < SETTINGS_MAX && (o = option_of(whole, i)); i++)
        names[i] = settings_has(whole, o) ? text(o, texts[i], sizeof texts[i]) : NULL;
    const char *near = nearest_of(name, names, SETTINGS_MAX);
    if (near)
        say_hint("did you mean %s?", near);
    else
        say_hint("%s", what);
}

static const char *key_of(const struct option *o, char *buf, size_t size)
{
    snprintf(buf, size, "%s", o->name + 2);
    return buf;
}

/* ---- one setting --------------------------------------------------------------------------------------------------------- */

static int keep(struct settings *s, char *word)
{
    if (s->kept.n == s->room) {
        size_t room = s->room ? 2 * s->room : 32;
        const char **more = reallocarray(s->kept.word, room, sizeof *more);
        if (!more)
            return -ENOMEM;
        s->kept.word = more;
        s->room = room;
    }
    s->kept.word[s->kept.n++] = word;
    return 0;
}

static int set_flag(const struct option *o, const char *value, bool *ret_flag)
{
    static const char *const words[] = { "yes", "no", "true", "false", "on", "off", "1", "0" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(value, words[i]) == 0) {
            *ret_flag = i % 2 == 0;
            return SAY_OK;
        }
    (void)say_error(SAY_USAGE, "%s is yes or no, found '%s'", o->name + 2, value);
    return SAY_USAGE;
}

static int set(struct layers *l, size_t i, const char *value)
{
    const struct option *o = option_of(l->command, i);
    char *word;
    if (o->kind == OPTION_FLAG)
        return set_flag(o, value, (bool *)((char *)l->request + o->at));
    if (asprintf(&word, "%s=%s", o->name, value) < 0)
        return say_error(SAY_MISSING, "out of memory");
    if (keep(l->settings, word) < 0) {
        free(word);
        return say_error(SAY_MISSING, "out of memory");
    }
    char name[64];
    snprintf(name, sizeof name, "%s", l->command->name);
    char *const argv[] = { name, word, NULL };
    return options_read(l->command, l->request, 2, argv);
}

/* From a place other than the command line. */
static int set_from(struct layers *l, size_t i, const char *value, const char *place)
{
    say_place = place;
    int status = set(l, i, value);
    say_place = NULL;
    if (status == SAY_OK)
        snprintf(l->settings->from[i], PLACE_SIZE, "%s", place);
    return status;
}

/* ---- the file ------------------------------------------------------------------------------------------------------------ */

static int wrong_key(const struct layers *l, const char *section, const char *key, size_t i)
{
    if (*section && strcmp(section, l->whole->name) != 0) {
        (void)say_error(SAY_USAGE, "unknown section [%s]", section);
        say_hint("the settings stand on top of the file or under [%s]", l->whole->name);
    } else if (i != SIZE_MAX && l->lines[i])
        (void)say_error(SAY_USAGE, "%s stands in line %d already", key, l->lines[i]);
    else {
        (void)say_error(SAY_USAGE, "unknown setting '%s'", key);
        say_near(l->whole, "`prong-shop serve --help` tells which there are: an option without its dashes", key, key_of);
    }
    return SAY_USAGE;
}

static int on_key(const char *section, const char *key, const char *value, int line, void *arg)
{
    struct layers *l = arg;
    char place[PLACE_SIZE], name[64];
    snprintf(place, sizeof place, "%s:%d", l->path, line);
    snprintf(name, sizeof name, "--%s", key);
    size_t i = find(l->whole, name, strlen(name));
    bool is_one = i != SIZE_MAX && settings_has(l->whole, option_of(l->whole, i));
    say_place = place;
    int status = SAY_OK;
    if (!is_one || l->lines[i] || (*section && strcmp(section, l->whole->name) != 0))
        status = wrong_key(l, section, key, is_one ? i : SIZE_MAX);
    else if (!*value)
        status = say_error(SAY_USAGE, "%s has no value", key);
    say_place = NULL;
    if (status != SAY_OK)
        return status;
    l->lines[i] = line;
    i = find(l->command, name, strlen(name));
    return i == SIZE_MAX ? SAY_OK : set_from(l, i, value, place);
}

static int read_file(struct layers *l)
{
    struct file_flaw flaw;
    FILE *from = fopen(l->path, "re");
    if (!from)
        return say_error(SAY_USAGE, "--config %s: %s", l->path, strerror(errno));
    int status = file_read(from, on_key, l, &flaw);
    (void)fclose(from);
    if (status != FILE_WRONG)
        return status;
    if (flaw.line)
        return say_error(SAY_USAGE, "%s:%d: %s", l->path, flaw.line, flaw.text);
    return say_error(SAY_USAGE, "--config %s: %s", l->path, flaw.text);
}

/* ---- the environment ----------------------------------------------------------------------------------------------------- */

static int read_variables(struct layers *l)
{
    char variable[64];
    const struct option *o;
    int status = SAY_OK;
    for (size_t i = 0; (o = option_of(l->command, i)) && status == SAY_OK; i++) {
        const char *value = settings_has(l->whole, o) ? getenv(settings_variable(o, variable, sizeof variable)) : NULL;
        if (value && *value)
            status = set_from(l, i, value, variable);
    }
    return status;
}

/* Told, not refused: where a service bears the program's name, others set such variables, too (PRONG_SHOP_PORT). */
static void note_unknown_variables(const struct layers *l)
{
    for (char **e = environ; *e; e++) {
        char name[64];
        size_t size = strcspn(*e, "=");
        if (strncmp(*e, variable_prefix, strlen(variable_prefix)) != 0 || size >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)size, *e);
        bool is_known = strcmp(name, "PRONG_SHOP_CONFIG") == 0 || strcmp(name, "PRONG_SHOP_FAIL_AT") == 0;
        char variable[64];
        const struct option *o;
        for (size_t i = 0; (o = option_of(l->whole, i)) && !is_known; i++)
            is_known = settings_has(l->whole, o) && strcmp(name, settings_variable(o, variable, sizeof variable)) == 0;
        if (is_known)
            continue;
        say_note("the environment has %s, which is no setting", name);
        say_near(l->whole, "`prong-shop serve --help` tells which there are", name, settings_variable);
    }
}

/* ---- all ----------------------------------------------------------------------------------------------------------------- */

static void free_words(const struct command *command, void *request)
{
    const struct option *o;
    for (size_t i = 0; (o = option_of(command, i)); i++)
        if (o->kind == OPTION_EACH)
            words_free((struct words *)((char *)request + o->at));
    if (command->words)
        words_free((struct words *)((char *)request + command->words_at));
}

/* What the command line says is wanted to know which file it names, before that is read and gives way to it. */
static int read_ahead(const struct layers *l, size_t size, int argc, char *const argv[], bool given[], const char **ret_path)
{
    void *scratch = malloc(size);
    if (!scratch)
        return say_error(SAY_MISSING, "out of memory");
    memcpy(scratch, l->request, size);
    int status = options_read_given(l->command, scratch, argc, argv, given);
    size_t i = find(l->command, "--config", strlen("--config"));
    const char *variable = getenv("PRONG_SHOP_CONFIG");
    *ret_path = NULL;
    if (i != SIZE_MAX && given[i])
        *ret_path = *(const char **)((char *)scratch + option_of(l->command, i)->at);
    else if (i != SIZE_MAX && variable && *variable)
        *ret_path = variable;
    free_words(l->command, scratch);
    free(scratch);
    return status;
}

int settings_read(const struct command *command, const struct command *whole, void *request, size_t size, int argc, char *const argv[],
                  struct settings *ret_settings)
{
    bool given[SETTINGS_MAX] = { false };
    struct layers l = { .command = command, .whole = whole, .request = request, .settings = ret_settings };
    *ret_settings = (struct settings){ 0 };
    int status = read_ahead(&l, size, argc, argv, given, &l.path);
    if (status == SAY_OK && l.path)
        status = read_file(&l);
    if (status == SAY_OK)
        status = read_variables(&l);
    if (status == SAY_OK)
        status = options_read(command, request, argc, argv);
    for (size_t i = 0; status == SAY_OK && i < SETTINGS_MAX; i++)
        if (given[i])
            snprintf(ret_settings->from[i], PLACE_SIZE, "%s", command_line);
    if (status == SAY_OK)
        note_unknown_variables(&l);
    return status;
}

void settings_free(struct settings *s)
{
    for (size_t i = 0; i < s->kept.n; i++) {
        union { const char *kept; char *own; } word = { .kept = s->kept.word[i] };
        free(word.own);
    }
    words_free(&s->kept);
}

const char *settings_place(const struct settings *s, const struct command *command, const char *name, char *buf, size_t size)
{
    size_t i = find(command, name, strlen(name));
    const char *from = i == SIZE_MAX ? "" : s->from[i];
    if (!*from || strcmp(from, command_line) == 0)
        snprintf(buf, size, "%s", name);
    else if (strncmp(from, variable_prefix, strlen(variable_prefix)) == 0)
        snprintf(buf, size, "%s", from);
    else
        snprintf(buf, size, "%s: %s", from, name + 2);
    return buf;
}

static void show_value(const struct option *o, const void *at, char *buf, size_t size)
{
    if (o->kind == OPTION_FLAG)
        snprintf(buf, size, "%s", *(const bool *)at ? "yes" : "no");
    else if (o->kind == OPTION_COUNT)
        snprintf(buf, size, "%u", *(const uint32_t *)at);
    else {
        const char *const *text = at;
        snprintf(buf, size, "%s", *text ? *text : "");
    }
}

void settings_show(const struct settings *s, const struct command *command, const void *request, FILE *to)
{
    const struct option *o;
    for (size_t i = 0; (o = option_of(command, i)); i++) {
        char value[256];
        if (!settings_has(command, o))
            continue;
        show_value(o, (const char *)request + o->at, value, sizeof value);
        fprintf(to, "%-24s %-36s %s\n", o->name + 2, value, s->from[i][0] ? s->from[i] : "default");
    }
}
