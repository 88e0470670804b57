/* main.c - the program `prong`: which commands there are. */
#include "compare/compare.h"
#include "compare/costs/trial.h"
#include "doctor/doctor.h"
#include "interrupt.h"
#include "program.h"
#include "records/records.h"

#include <prong.h>
#include <string.h>

static const struct command help_command = {
    .name = "help",
    .summary = "shows the help of a command: prong help compare",
    .run = program_help,
};

static const struct command *const commands[] = { &compare_command, &records_command, &doctor_command, &help_command, NULL };

static const char *generated_name(size_t i)
{
    static const char *const names[] = { "man-prong", "man-compare", "man-records", "man-doctor", "bash", "zsh", "fish" };
    return i < sizeof names / sizeof names[0] ? names[i] : NULL;
}

static const struct option options[] = {
    { .name = "--version", .kind = OPTION_FLAG, .at = offsetof(struct program_request, version), .help = "which prong this is" },
    { .name = "--generate", .value = "WHAT", .kind = OPTION_CHOICE, .at = offsetof(struct program_request, generate), .names = generated_name,
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

int main(int argc, char *argv[])
{
    interrupt_catch();
    /* Before anything else: worker processes come from here. Should it fail, only "processes" is missing, and trying that engine
     * says why; help and the other engines go on. */
    (void)prong_init();
    if (argc > 1 && strcmp(argv[1], "trial") == 0)      /* not for people: `prong compare` calls it, for what needs a program of its own */
        return trial_main(argc - 1, argv + 1);
    return program_main(&program, argc, argv);
}
