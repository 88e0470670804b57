/* html.h - the report as a page for people who would rather look: one file, complete in itself, for a browser without a network. */
#pragma once
#include "compare/report.h"

/* This build has the library that draws. */
bool html_has_charts(void);

/* Before anything is measured: can a page be made, and be written to `path` ("-": standard output)? SAY_OK, or the exit status, said. */
int html_check(const char *path);

/* Writes the page beside `path` and then puts it in its place, so that nobody ever sees half of it. SAY_OK, or the exit status, said. */
int html_save(const struct report *report, const char *path);

/* The page of a report that is there as JSON; tables: the figures in HTML, for browsers without scripts. */
void html_page(const char *json, const char *tables, FILE *to);
