/* advice.c - not yet here. */
#include "compare/advice.h"

void advice_give(struct report *report)
{
    (void)report;
}
