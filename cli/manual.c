/* manual.c - man(7), which groff and mandoc read alike: words are escaped one by one, and each sentence begins a line. */
#include "manual.h"

#include <prong.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { LINE_MAX = 64 };

/* ---- text ---------------------------------------------------------------------------------------------------------------- */

static void write_character(char c, FILE *to)
{
    static const char *const escaped[128] = { ['\\'] = "\\e", ['-'] = "\\-", ['\''] = "\\(aq", ['^'] = "\\(ha", ['~'] = "\\(ti",
                                              ['"'] = "\\(dq" };
    const char *text = (unsigned char)c < 128 ? escaped[(unsigned char)c] : NULL;
    if (text)
        fputs(text, to);
    else
        fputc(c, to);
}

static void write_plain(const char *text, FILE *to)
{
    for (; *text; text++)
        write_character(*text, to);
}

/* A backtick begins and ends what is to be typed: bold. */
static void write_word(const char *word, int size, bool *is_bold, FILE *to)
{
    if (word[0] == '.')
        fputs("\\&", to);       /* at the beginning of a line it would be a request; an apostrophe is escaped anyway */
    for (int i = 0; i < size; i++) {
        if (word[i] != '`') {
            write_character(word[i], to);
            continue;
        }
        *is_bold = !*is_bold;
        fputs(*is_bold ? "\\fB" : "\\fR", to);
    }
}

/* Whole lines; an empty line in it becomes the request `paragraph`. */
static void write_text(const char *text, const char *paragraph, FILE *to)
{
    bool is_bold = false;
    for (int at = 0; *text;) {
        int gap = (int)strspn(text, " \n"), size = (int)strcspn(text + gap, " \n");
        bool begins = memmem(text, (size_t)gap, "\n\n", 2) != NULL;
        if (begins)
            fprintf(to, "%s%s\n", at ? "\n" : "", paragraph);
        else if (at)
            fputc(at > LINE_MAX || text[-1] == '.' ? '\n' : ' ', to);
        at = begins || !at || at > LINE_MAX || text[-1] == '.' ? size : at + 1 + size;
        write_word(text + gap, size, &is_bold, to);
        text += gap + size;
    }
    fputc('\n', to);
}

static void write_section(const char *name, FILE *to)
{
    fprintf(to, ".SH %s\n", name);
}

static void write_explained(const char *heading, const struct explained *list, FILE *to)
{
    if (!list)
        return;
    write_section(heading, to);
    for (; list->what; list++) {
        fputs(".TP\n\\fB", to);
        write_plain(list->what, to);
        fputs("\\fR\n", to);
        write_text(list->how, ".IP", to);
    }
}

/* ---- sections ------------------------------------------------------------------------------------------------------------ */

static void write_page_name(const struct command *program, const struct command *command, FILE *to)
{
    write_plain(program->name, to);
    if (command != program) {
        fputs("\\-", to);
        write_plain(command->name, to);
    }
}

static void write_head(const struct command *program, const struct command *command, FILE *to)
{
    fputs(".\\\" Made by `prong --generate`; not to be changed by hand.\n.TH ", to);
    for (const char *p = program->name; *p; p++)
        fputc(toupper((unsigned char)*p), to);
    if (command != program)
        fputc('-', to);
    for (const char *p = command != program ? command->name : ""; *p; p++)
        fputc(toupper((unsigned char)*p), to);
    fprintf(to, " 1 \"%s\" \"%s %s\" \"User Commands\"\n", RELEASE_DATE, program->name, prong_version());
    write_section("NAME", to);
    write_page_name(program, command, to);
    fputs(" \\- ", to);
    write_text(command->summary, ".PP", to);
}

static void write_synopsis(const struct command *program, const struct command *command, FILE *to)
{
    write_section("SYNOPSIS", to);
    fputs(".B ", to);
    write_plain(program->name, to);
    if (command == program) {
        fputs("\n.I COMMAND\n.RI [ OPTION ]...\n.br\n.B ", to);
        write_plain(program->name, to);
        fputs("\n.BR \\-\\-help \" | \" \\-\\-version\n", to);
    } else
        fprintf(to, " %s\n.RI [ OPTION ]...\n%s%s%s", command->name, command->words ? ".I " : "", command->words ? command->words : "",
                command->words ? "\n" : "");
}

static void write_description(const struct command *command, FILE *to)
{
    write_section("DESCRIPTION", to);
    write_text(command->about ? command->about : command->summary, ".PP", to);
    if (command->more) {
        fputs(".PP\n", to);
        write_text(command->more, ".PP", to);
    }
}

static void write_commands(const struct command *program, const struct command *command, FILE *to)
{
    write_section("COMMANDS", to);
    for (const struct command *const *c = command->commands; *c; c++) {
        fputs(".TP\n\\fB", to);
        write_plain(program->name, to);
        fputc(' ', to);
        write_plain((*c)->name, to);
        fputs("\\fR\n", to);
        write_text((*c)->summary, ".IP", to);
    }
}

static void write_names(const struct option *o, FILE *to)
{
    fputs(".IP\nPossible values: ", to);
    const char *name;
    for (size_t i = 0; (name = o->names(i)); i++) {
        fputs(i ? ", \\fB" : "\\fB", to);
        write_plain(name, to);
        fputs("\\fR", to);
    }
    fputs(".\n", to);
}

static void write_option(const struct option *o, FILE *to)
{
    fputs(".TP\n\\fB", to);
    if (o->letter) {
        write_plain(o->letter, to);
        fputs("\\fR, \\fB", to);
    }
    write_plain(o->name, to);
    fputs("\\fR", to);
    if (o->value) {
        fputs(option_takes_word(o) ? " \\fI" : "[=\\fI", to);
        write_plain(o->value, to);
        fputs(option_takes_word(o) ? "\\fR" : "\\fR]", to);
    }
    fputc('\n', to);
    write_text(o->help, ".IP", to);
    if (o->more) {
        fputs(".IP\n", to);
        write_text(o->more, ".IP", to);
    }
    if (o->names)
        write_names(o, to);
}

static void write_options(const struct command *command, FILE *to)
{
    write_section("OPTIONS", to);
    const struct option *o;
    for (size_t i = 0; (o = option_of(command, i)); i++) {
        if (o->group) {
            fputs(".SS ", to);
            write_plain(o->group, to);
            fputc('\n', to);
        }
        write_option(o, to);
    }
}

static void write_sections(const struct section *sections, FILE *to)
{
    for (const struct section *s = sections; s && s->heading; s++) {
        const char *form, *help;
        write_section(s->heading, to);
        write_text(s->text, ".PP", to);
        for (size_t i = 0; s->list && s->list(i, &form, &help); i++) {
            fputs(".TP\n\\fB", to);
            write_plain(form, to);
            fputs("\\fR\n", to);
            write_text(help, ".IP", to);
        }
    }
}

static void write_see_also(const struct command *program, const struct command *command, FILE *to)
{
    write_section("SEE ALSO", to);
    const char *comma = "";
    if (command != program) {
        fputs(".BR ", to);
        write_plain(program->name, to);
        fputs(" (1)", to);
        comma = ",\n";
    }
    for (const struct command *const *c = program->commands; *c; c++) {
        if (*c == command || !(*c)->options)
            continue;
        fprintf(to, "%s.BR ", comma);
        write_plain(program->name, to);
        fprintf(to, "\\-%s (1)", (*c)->name);
        comma = ",\n";
    }
    fputc('\n', to);
}

void manual_write(const struct command *program, const struct command *command, FILE *to)
{
    write_head(program, command, to);
    write_synopsis(program, command, to);
    write_description(command, to);
    if (command->commands)
        write_commands(program, command, to);
    write_options(command, to);
    write_sections(command->sections, to);
    write_explained("EXIT STATUS", command->exits, to);
    write_explained("ENVIRONMENT", command->environment, to);
    write_explained("EXAMPLES", command->examples, to);
    write_see_also(program, command, to);
}
