/* interrupt.c - not yet here. */
#include "interrupt.h"

void interrupt_catch(void)
{
}

bool interrupt_came(void)
{
    return false;
}
