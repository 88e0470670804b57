/* program.c - the part of main() that knows no command by name. */
#include "program.h"

#include "completion.h"
#include "manual.h"
#include "nearest.h"
#include "say.h"

#include <prong.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { COMMANDS_MAX = 32 };

static const struct command *running;

/* ---- commands ------------------------------------------------------------------------------------------------------------ */

static const struct command *find_command(const char *name)
{
    const char *names[COMMANDS_MAX];
    size_t n = 0;
    for (; running->commands[n] && n < COMMANDS_MAX; n++) {
        names[n] = running->commands[n]->name;
        if (strcmp(name, names[n]) == 0)
            return running->commands[n];
    }
    const char *near = nearest_of(name, names, n);
    (void)say_error(SAY_USAGE, "unknown command '%s'", name);
    if (near)
        say_hint("did you mean `%s %s`?", running->name, near);
    say_hint("`%s --help` tells which there are; `%s --version`, which %s this is", running->name, running->name, running->name);
    return NULL;
}

int program_help(int argc, char *const argv[])
{
    const struct command *command = argc > 1 && argv[1][0] != '-' ? find_command(argv[1]) : running;
    if (!command)
        return SAY_USAGE;
    options_show(command->options ? command : running);
    return SAY_OK;
}

static int run_command(int argc, char *const argv[])
{
    const struct command *command = find_command(argv[0]);
    return command ? command->run(argc, argv) : SAY_USAGE;
}

/* ---- the program itself -------------------------------------------------------------------------------------------------- */

static int generate(const char *what)
{
    if (strcmp(what, "bash") == 0)
        completion_write_bash(running, stdout);
    else if (strcmp(what, "zsh") == 0)
        completion_write_zsh(running, stdout);
    else if (strcmp(what, "fish") == 0)
        completion_write_fish(running, stdout);
    else {
        const char *name = what + strlen("man-");
        manual_write(running, strcmp(name, running->name) == 0 ? running : find_command(name), stdout);
    }
    return SAY_OK;
}

static int run_program(int argc, char *const argv[])
{
    struct program_request request = { 0 };
    int status = options_read(running, &request, argc, argv);
    if (status == OPTIONS_SHOWN)
        return SAY_OK;
    if (status != SAY_OK)
        return status;
    if (request.generate)
        return generate(request.generate);
    if (request.version) {
        printf("%s %s\n", running->name, prong_version());
        return SAY_OK;
    }
    fprintf(stderr, "usage: %s COMMAND [OPTION]...\n", running->name);
    say_hint("start with `%s %s`; `%s --help` tells which commands there are", running->name, running->commands[0]->name, running->name);
    return SAY_USAGE;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------- */

/* As after `prong compare | head`. */
static bool reader_has_gone(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/* What was printed may still wait in stdio: a full disk shows only here. */
static int flush_results(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    int error = errno;
    if (reader_has_gone())
        return SAY_READER_GONE;
    if (status == SAY_OK)
        status = SAY_MISSING;
    status = say_error(status, "cannot write the results to standard output: %s", strerror(error));
    say_hint("is the disk full? where does standard output lead to?");
    return status;
}

int program_main(const struct command *program, int argc, char *const argv[])
{
    running = program;
    say_name = program->name;
    bool is_command = argc > 1 && argv[1][0] != '-';
    int status = flush_results(is_command ? run_command(argc - 1, argv + 1) : run_program(argc, argv));
    return status == SAY_INTERRUPTED ? say_interrupted() : status;
}
