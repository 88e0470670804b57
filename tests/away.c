/* Tasks in a module: all that a host which calls prong_init_exec can let its workers do. */
#include "away.h"
#include <prong.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASK __attribute__((visibility("default")))
int away_sum(void *record);
int away_who(void *record);
int away_around(void *record);
int away_crash(void *record);
int away_fail(void *record);
int away_give(void *record);
int away_stay(void *record);

TASK int away_sum(void *record)
{
    struct away_sum *s = record;
    for (uint32_t i = 0; i < s->n; i++)
        s->sum += s->numbers[i];
    return 0;
}

TASK int away_who(void *record)
{
    *(struct away_who *)record = (struct away_who){ getpid(), getppid() };
    return 0;
}

TASK int away_around(void *record)
{
    struct away_around *a = record;
    const char *word = getenv("AWAY_WORD");
    (void)snprintf(a->word, sizeof a->word, "%s", word ? word : "");
    return getcwd(a->folder, sizeof a->folder) ? 0 : 1;
}

TASK int away_crash(void *record)
{
    (void)record;
    return raise(SIGSEGV);
}

TASK int away_fail(void *record)
{
    (void)record;
    return prong_fail(7, "as it was told");
}

TASK int away_give(void *record)
{
    char *out = prong_output_alloc(6);
    (void)record;
    if (!out)
        return 1;
    memcpy(out, "hello", 6);
    return 0;
}

TASK int away_stay(void *record)
{
    const struct away_stay *s = record;
    ++*s->here;
    for (;;)
        (void)pause();
}
