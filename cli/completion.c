/* completion.c - three shells, each in its own words: which commands there are, which options each has, and what their values may be. */
#include "completion.h"

#include <stdbool.h>
#include <string.h>

static bool is_file(const struct option *o)
{
    return o->kind == OPTION_FILE || o->kind == OPTION_MAYBE;
}

/* "FILE..."; not "SKU=N..." */
static bool takes_files(const struct command *command)
{
    return command->words && strncmp(command->words, "FILE", strlen("FILE")) == 0;
}

static bool takes_glued_word(const struct option *o)
{
    return o->kind == OPTION_MAYBE || o->kind == OPTION_MAYBE_COUNT;
}

static void write_names(const struct option *o, FILE *to)
{
    const char *name;
    for (size_t i = 0; (name = o->names(i)); i++)
        fprintf(to, "%s%s", i ? " " : "", name);
}

/* Each by its last word: "gen" of "records gen". */
static void write_commands(const struct command *program, FILE *to)
{
    for (const struct command *const *c = program->commands; *c; c++) {
        const char *space = strrchr((*c)->name, ' ');
        fprintf(to, "%s%s", c == program->commands ? "" : " ", space ? space + 1 : (*c)->name);
    }
}

/* For between single quotes, with a backslash before each of `special`; what the shell needs to get a quote there is `quote`. */
static void write_quoted(const char *text, const char *special, const char *quote, FILE *to)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs(quote, to);
        else
            fprintf(to, "%s%c", strchr(special, *text) ? "\\" : "", *text);
    }
}

/* In `text` @PROGRAM is the program's name, and @NAME the same as the name of a function: _prong_shop of prong-shop. */
static void write_named(const struct command *program, const char *text, FILE *to)
{
    for (const char *at; (at = strchr(text, '@')); ) {
        bool is_function = at[1] == 'N';
        fprintf(to, "%.*s%s", (int)(at - text), text, is_function ? "_" : "");
        for (const char *p = program->name; *p; p++)
            fputc(is_function && *p == '-' ? '_' : *p, to);
        text = at + (is_function ? strlen("@NAME") : strlen("@PROGRAM"));
    }
    fputs(text, to);
}

/* ---- bash ---------------------------------------------------------------------------------------------------------------- */

/* @PROGRAM and @NAME: see write_named(). */
static const char bash_head[] =
    "# bash completion for @PROGRAM, made by `@PROGRAM --generate bash`; not to be changed by hand.\n"
    "\n"
    "# One of these behind the last comma of $cur, but for those before it.\n"
    "@NAME_list()\n"
    "{\n"
    "    local before= word=$cur name\n"
    "    [[ $cur == *,* ]] && before=${cur%,*}, word=${cur##*,}\n"
    "    for name; do\n"
    "        [[ ,$before != *,$name,* && $name == \"$word\"* ]] && COMPREPLY+=(\"$before$name\")\n"
    "    done\n"
    "}\n"
    "\n"
    "@NAME_file()\n"
    "{\n"
    "    local IFS=$'\\n'\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    COMPREPLY=($(compgen -f -- \"$cur\"))\n"
    "}\n"
    "\n"
    "@NAME()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]} command= glued=\n"
    "    COMPREPLY=()\n"
    "    (( COMP_CWORD > 1 )) && [[ ${COMP_WORDS[1]} != -* ]] && command=${COMP_WORDS[1]}\n"
    "    # bash takes --name=value for three words.\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur= glued=1\n"
    "    elif [[ $option == = ]]; then\n"
    "        option=${COMP_WORDS[COMP_CWORD-2]} glued=1\n"
    "    fi\n"
    "    case \"$command $option\" in\n";

static void write_bash_value(const struct command *program, const char *command, const struct option *o, FILE *to)
{
    if (o->kind == OPTION_FLAG)
        return;
    if (o->letter)
        fprintf(to, "    '%s %s'|'%s %s') ", command, o->letter, command, o->name);
    else
        fprintf(to, "    '%s %s') ", command, o->name);
    if (takes_glued_word(o))
        fputs("[[ $glued ]] && { ", to);
    if (o->kind == OPTION_LIST || o->kind == OPTION_CHOICE) {
        write_named(program, o->kind == OPTION_LIST ? "@NAME_list " : "COMPREPLY=($(compgen -W '", to);
        write_names(o, to);
        fputs(o->kind == OPTION_LIST ? "; " : "' -- \"$cur\")); ", to);
    } else if (is_file(o))
        write_named(program, "@NAME_file; ", to);
    fputs(takes_glued_word(o) ? "return; } ;;\n" : "return ;;\n", to);
}

static void write_bash_values(const struct command *program, const char *name, const struct command *command, FILE *to)
{
    const struct option *o;
    for (size_t i = 0; (o = option_of(command, i)); i++)
        write_bash_value(program, name, o, to);
}

static void write_bash_words(const struct command *program, const char *name, const struct command *command, FILE *to)
{
    const struct option *o;
    fprintf(to, "    '%s') ", name);
    if (takes_files(command))   /* unless it looks like an option */
        write_named(program, "[[ $cur == -* ]] || @NAME_file; ", to);
    fputs(takes_files(command) ? "COMPREPLY+=($(compgen -W '" : "COMPREPLY=($(compgen -W '", to);
    for (size_t i = 0; (o = option_of(command, i)); i++)
        fprintf(to, "%s%s", i ? " " : "", o->name);
    if (command->commands) {
        fputc(' ', to);
        write_commands(command, to);
    }
    fputs("' -- \"$cur\")) ;;\n", to);
}

void completion_write_bash(const struct command *program, FILE *to)
{
    write_named(program, bash_head, to);
    write_bash_values(program, "", program, to);
    for (const struct command *const *c = program->commands; *c; c++)
        write_bash_values(program, (*c)->name, *c, to);
    fputs("    esac\n    case $command in\n", to);
    write_bash_words(program, "", program, to);
    for (const struct command *const *c = program->commands; *c; c++)
        if ((*c)->options)
            write_bash_words(program, (*c)->name, *c, to);
    fputs("    help) COMPREPLY=($(compgen -W '", to);
    write_commands(program, to);
    write_named(program, "' -- \"$cur\")) ;;\n    esac\n}\n\ncomplete -F @NAME @PROGRAM\n", to);
}

/* ---- zsh ----------------------------------------------------------------------------------------------------------------- */

static const char zsh_special[] = "[]:\\", zsh_quote[] = "'\\''";

static void write_zsh_value(const struct option *o, FILE *to)
{
    fputs(takes_glued_word(o) ? "::" : ":", to);
    write_quoted(o->value, zsh_special, zsh_quote, to);
    fputc(':', to);
    if (o->kind == OPTION_LIST || o->kind == OPTION_CHOICE) {
        fputs(o->kind == OPTION_LIST ? "_values -s , name " : "(", to);
        write_names(o, to);
        fputs(o->kind == OPTION_LIST ? "" : ")", to);
    } else if (is_file(o))
        fputs("_files", to);
}

static void write_zsh_options(const struct command *command, const char *indent, FILE *to)
{
    const struct option *o;
    for (size_t i = 0; (o = option_of(command, i)); i++) {
        const char *equals = o->kind == OPTION_FLAG ? "" : takes_glued_word(o) ? "=-" : "=";
        fprintf(to, " \\\n%s'", indent);
        if (strcmp(o->name, "--help") == 0)
            fprintf(to, "(- *)'{%s,%s}'", o->letter, o->name);
        else if (o->kind == OPTION_EACH && o->letter)
            fprintf(to, "*'{%s+,%s%s}'", o->letter, o->name, equals);
        else if (o->kind == OPTION_EACH)
            fprintf(to, "*%s%s", o->name, equals);
        else if (o->letter)
            fprintf(to, "(%s %s)'{%s+,%s%s}'", o->letter, o->name, o->letter, o->name, equals);
        else
            fprintf(to, "%s%s", o->name, equals);
        fputc('[', to);
        write_quoted(o->help, zsh_special, zsh_quote, to);
        fputc(']', to);
        if (o->kind != OPTION_FLAG)
            write_zsh_value(o, to);
        fputc('\'', to);
    }
    if (takes_files(command))
        fprintf(to, " \\\n%s'*:file:_files'", indent);
}

void completion_write_zsh(const struct command *program, FILE *to)
{
    write_named(program, "#compdef @PROGRAM\n"
                         "# zsh completion for @PROGRAM, made by `@PROGRAM --generate zsh`; not to be changed by hand.\n"
                         "\n"
                         "@NAME()\n"
                         "{\n"
                         "    local curcontext=$curcontext state line\n"
                         "    local -a commands\n"
                         "    typeset -A opt_args\n"
                         "    commands=(\n", to);
    for (const struct command *const *c = program->commands; *c; c++) {
        fprintf(to, "        '%s:", (*c)->name);
        write_quoted((*c)->summary, zsh_special, zsh_quote, to);
        fputs("'\n", to);
    }
    fputs("    )\n    _arguments -C", to);
    write_zsh_options(program, "        ", to);
    fputs(" \\\n        '1: :->command' '*:: :->argument' && return\n"
          "    case $state in\n"
          "    command) _describe -t commands command commands ;;\n"
          "    argument)\n"
          "        case $words[1] in\n", to);
    for (const struct command *const *c = program->commands; *c; c++) {
        if (!(*c)->options)
            continue;
        fprintf(to, "        %s)\n            _arguments", (*c)->name);
        write_zsh_options(*c, "                ", to);
        fputs(" ;;\n", to);
    }
    fputs("        help) _describe -t commands command commands ;;\n        esac ;;\n    esac\n}\n\n", to);
    write_named(program, "@NAME", to);
    fputs(" \"$@\"\n", to);
}

/* ---- fish ---------------------------------------------------------------------------------------------------------------- */

static const char fish_special[] = "\\", fish_quote[] = "\\'";

static void write_fish_options(const struct command *program, const struct command *command, const char *when, FILE *to)
{
    const struct option *o;
    for (size_t i = 0; (o = option_of(command, i)); i++) {
        fprintf(to, "complete -c %s -n '%s'%s%s -l %s", program->name, when, o->letter ? " -s " : "", o->letter ? o->letter + 1 : "",
                o->name + 2);
        if (is_file(o))
            fputs(option_takes_word(o) ? " -r -F" : " -F", to);
        else if (option_takes_word(o))
            fputs(" -x", to);
        if (o->names) {
            fputs(o->kind == OPTION_LIST ? " -a '(__fish_append , " : " -a '", to);
            write_names(o, to);
            fputs(o->kind == OPTION_LIST ? ")'" : "'", to);
        }
        fputs(" -d '", to);
        write_quoted(o->help, fish_special, fish_quote, to);
        fputs("'\n", to);
    }
}

void completion_write_fish(const struct command *program, FILE *to)
{
    char condition[128];
    write_named(program, "# fish completion for @PROGRAM, made by `@PROGRAM --generate fish`; not to be changed by hand.\n"
                         "complete -c @PROGRAM -f\n", to);
    for (const struct command *const *c = program->commands; *c; c++) {
        fprintf(to, "complete -c %s -n __fish_use_subcommand -a %s -d '", program->name, (*c)->name);
        write_quoted((*c)->summary, fish_special, fish_quote, to);
        fputs("'\n", to);
    }
    write_fish_options(program, program, "__fish_use_subcommand", to);
    for (const struct command *const *c = program->commands; *c; c++) {
        if (!(*c)->options)
            continue;
        snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s", (*c)->name);
        write_fish_options(program, *c, condition, to);
        if (takes_files(*c))
            fprintf(to, "complete -c %s -n '%s' -F\n", program->name, condition);
    }
    write_named(program, "complete -c @PROGRAM -n '__fish_seen_subcommand_from help' -a '", to);
    write_commands(program, to);
    fputs("'\n", to);
}
