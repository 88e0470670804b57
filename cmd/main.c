/* main.c - the program `prong`: finds the command and hands over. */
#include "compare/compare.h"
#include "compare/costs/trial.h"
#include "nearest.h"
#include "options.h"
#include "say.h"

#include <prong.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct entry {
    const char *name;
    int (*run)(int argc, char *const argv[]);   /* argv[0] is the command's name; gives the exit status */
    const char *summary;                        /* NULL: not for people, shown and suggested to nobody */
};
static const struct entry commands[] = {
    { "compare", compare_main, "measures what threads and processes cost and gain on this machine" },
    { "trial", trial_main, NULL },
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static const struct command program = {
    .name = "prong",
    .summary = "One task, many engines: threads and processes behind one interface.",
};

static void show_commands(FILE *to)
{
    fputs("\ncommands:\n", to);
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (commands[i].summary)
            fprintf(to, "  prong %-16s%s\n", commands[i].name, commands[i].summary);
    fputs("\nStart with `prong compare`; `prong COMMAND --help` tells more.\n", to);
}

static int run_command(int argc, char *const argv[])
{
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(argc, argv);
        names[i] = commands[i].summary ? commands[i].name : NULL;
    }
    const char *near = nearest_of(argv[0], names, N_COMMANDS);
    (void)say_error(SAY_USAGE, "unknown command '%s'", argv[0]);
    if (near)
        say_hint("did you mean `prong %s`?", near);
    fputs("usage: prong COMMAND [--help], prong --help, prong --version\n", stderr);
    return SAY_USAGE;
}

static int run_program(int argc, char *const argv[])
{
    bool version = false;
    const struct option options[] = {
        { .name = "--version", .kind = OPTION_FLAG, .ret_value = &version, .help = "which prong this is" },
        { 0 }
    };
    int status = options_read(&program, options, argc, argv);
    if (status == OPTIONS_SHOWN)
        show_commands(stdout);
    else if (status == SAY_OK && version)
        printf("prong %s\n", prong_version());
    else if (status == SAY_OK) {
        fputs("usage: prong COMMAND [--help], prong --help, prong --version\n", stderr);
        show_commands(stderr);
        status = SAY_USAGE;
    }
    return status == OPTIONS_SHOWN ? SAY_OK : status;
}

/* What was printed may still wait in stdio: a full disk shows only here. */
static int flush_results(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    int error = errno;
    if (status == SAY_OK)
        status = SAY_MISSING;
    return say_error(status, "cannot write the results to standard output: %s", strerror(error));
}

int main(int argc, char *argv[])
{
    /* First of all: worker processes come from here. Should it fail, only "processes" is missing, and trying that engine says
     * why; help and the other engines go on. */
    (void)prong_init();
    if (argc > 1 && argv[1][0] != '-')
        return flush_results(run_command(argc - 1, argv + 1));
    return flush_results(run_program(argc, argv));
}
