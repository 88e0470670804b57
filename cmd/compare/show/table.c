/* table.c - not yet here. */
#include "compare/report.h"

void table_show(const struct report *report, FILE *to)
{
    (void)report;
    (void)to;
}
