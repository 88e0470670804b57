/* csv.c - not yet here. */
#include "compare/report.h"

void csv_show(const struct report *report, FILE *to)
{
    (void)report;
    (void)to;
}

void md_show(const struct report *report, FILE *to)
{
    (void)report;
    (void)to;
}
