/* parts.h - what the page is made of, inside the program. */
#pragma once

struct part {
    const char *begin, *end;
    const char *sha256;     /* in hexadecimal: the page lets scripts and styles run by their hash alone */
};
extern const struct part part_page, part_style, part_script;
extern const struct part part_charts;   /* the library that draws; empty: this build has none */
