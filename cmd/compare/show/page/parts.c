/* parts.c - the assembler puts the files in as they are. Their paths and hashes come from the build. */
#include "compare/show/page/parts.h"

#define PUT(name, path)                 \
    __asm__(".section .rodata\n"        \
            #name "_begin:\n"           \
            ".incbin \"" path "\"\n"    \
            #name "_end:\n"             \
            ".byte 0\n"                 \
            ".previous\n");             \
    extern const char name##_begin[] __attribute__((visibility("hidden"))); \
    extern const char name##_end[] __attribute__((visibility("hidden")))

PUT(page_html, PAGE_FOLDER "/page.html");
PUT(page_css, PAGE_FOLDER "/page.css");
PUT(page_js, PAGE_FOLDER "/page.js");

const struct part part_page = { page_html_begin, page_html_end, "" };
const struct part part_style = { page_css_begin, page_css_end, PAGE_CSS_HASH };
const struct part part_script = { page_js_begin, page_js_end, PAGE_JS_HASH };

#ifdef CHARTS_JS
PUT(charts_js, CHARTS_JS);
const struct part part_charts = { charts_js_begin, charts_js_end, CHARTS_HASH };
#else
const struct part part_charts = { 0 };
#endif
