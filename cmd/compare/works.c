/* works.c - the table of all works. */
#include "compare/work.h"

#include "compare/records.h"
#include "compare/sqrt.h"
#include "say.h"

const struct work *const works[WORKS_N] = { &sqrt_work, &records_work };

int work_say_end(int r, const prong_error *end)
{
    if (r < 0)
        return say_error(SAY_MISSING, "%s", prong_last_error());
    return say_error(SAY_WRONG, "%s", end->text);
}
