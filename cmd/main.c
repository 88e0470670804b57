/* main.c - the program `prong`: finds the command and hands over. */
#include "compare/compare.h"
#include "compare/costs/trial.h"
#include "completion.h"
#include "doctor/doctor.h"
#include "interrupt.h"
#include "manual.h"
#include "nearest.h"
#include "options.h"
#include "records/records.h"
#include "say.h"

#include <prong.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static const struct command program, help_command;
static const struct command *const commands[] = { &compare_command, &records_command, &doctor_command, &help_command, NULL };
enum { N_COMMANDS = sizeof commands / sizeof commands[0] - 1 };

/* ---- what packages are made of ------------------------------------------------------------------------------------------- */

/* Whose manual page is "man-NAME"; NULL: nobody's. */
static const struct command *command_of_page(const char *name)
{
    if (strcmp(name, program.name) == 0)
        return &program;
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(name, commands[i]->name) == 0 && commands[i]->options)
            return commands[i];
    return NULL;
}

static const char *generated_name(size_t i)
{
    static const char *const names[] = { "man-prong", "man-compare", "man-records", "man-doctor", "bash", "zsh", "fish" };
    return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

static int generate(const char *what)
{
    if (strncmp(what, "man-", 4) == 0)
        manual_write(&program, command_of_page(what + 4), stdout);
    else if (strcmp(what, "bash") == 0)
        completion_write_bash(&program, stdout);
    else if (strcmp(what, "zsh") == 0)
        completion_write_zsh(&program, stdout);
    else
        completion_write_fish(&program, stdout);
    return SAY_OK;
}

/* ---- commands ------------------------------------------------------------------------------------------------------------ */

static const struct command *find_command(const char *name)
{
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(name, commands[i]->name) == 0)
            return commands[i];
        names[i] = commands[i]->name;
    }
    const char *near = nearest_of(name, names, N_COMMANDS);
    (void)say_error(SAY_USAGE, "unknown command '%s'", name);
    if (near)
        say_hint("did you mean `prong %s`?", near);
    say_hint("`prong --help` tells which there are; `prong --version`, which prong this is");
    return NULL;
}

static int run_help(int argc, char *const argv[])
{
    const struct command *command = argc > 1 && argv[1][0] != '-' ? find_command(argv[1]) : &program;
    if (!command)
        return SAY_USAGE;
    options_show(command == &help_command ? &program : command);
    return SAY_OK;
}

static const struct command help_command = {
    .name = "help",
    .summary = "shows the help of a command: prong help compare",
    .run = run_help,
};

static int run_command(int argc, char *const argv[])
{
    if (strcmp(argv[0], "trial") == 0)      /* not for people: `prong compare` calls it, for what needs a program of its own */
        return trial_main(argc, argv);
    const struct command *command = find_command(argv[0]);
    return command ? command->run(argc, argv) : SAY_USAGE;
}

/* ---- the program itself -------------------------------------------------------------------------------------------------- */

struct request {
    bool version;
    const char *generate;
};

static const struct option options[] = {
    { .name = "--version", .kind = OPTION_FLAG, .at = offsetof(struct request, version), .help = "which prong this is" },
    { .name = "--generate", .value = "WHAT", .kind = OPTION_CHOICE, .at = offsetof(struct request, generate), .names = generated_name,
      .help = "for packagers: prints a manual page or the completions of a shell" },
    { 0 }
};

static const struct explained exits[] = {
    { "0", "all is well" },
    { "1", "results differ, or a run failed" },
    { "2", "wrong usage" },
    { "3", "this machine lacks something that was asked for" },
    { "4", "bad input" },
    { "130", "interrupted by Ctrl-C; 143 by SIGTERM, 129 by SIGHUP" },
    { 0 }
};

static const struct explained environment[] = {
    { "PRONG_ENGINE", "the engine of pools that name none: `threads`, `processes`, `serial`, or with a count, `processes:8`. It is the "
                      "library's; the commands name theirs" },
    { 0 }
};

static const struct explained examples[] = {
    { "prong compare", "threads or processes? measured here" },
    { "prong records -g country -a 'sum(price)' orders.csv", "arithmetic over a file, on all cores" },
    { "prong doctor", "what works here, and what is in the way" },
    { "prong help compare", "all that compare can do" },
    { 0 }
};

static const struct command program = {
    .name = "prong",
    .summary = "one task, many engines: threads and processes behind one interface",
    .about = "One task, many engines: threads and processes behind one interface. Start with `prong compare`; "
             "`prong COMMAND --help` tells more.",
    .options = options,
    .exits = exits,
    .environment = environment,
    .examples = examples,
    .commands = commands,
};

static int run_program(int argc, char *const argv[])
{
    struct request request = { 0 };
    int status = options_read(&program, &request, argc, argv);
    if (status == OPTIONS_SHOWN)
        return SAY_OK;
    if (status != SAY_OK)
        return status;
    if (request.generate)
        return generate(request.generate);
    if (request.version) {
        printf("prong %s\n", prong_version());
        return SAY_OK;
    }
    fputs("usage: prong COMMAND [OPTION]...\n", stderr);
    say_hint("start with `prong compare`; `prong --help` tells which commands there are");
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

int main(int argc, char *argv[])
{
    interrupt_catch();
    /* Before anything else: worker processes come from here. Should it fail, only "processes" is missing, and trying that engine
     * says why; help and the other engines go on. */
    (void)prong_init();
    bool is_command = argc > 1 && argv[1][0] != '-';
    int status = flush_results(is_command ? run_command(argc - 1, argv + 1) : run_program(argc, argv));
    return status == SAY_INTERRUPTED ? say_interrupted() : status;
}
