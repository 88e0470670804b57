/* page_of.c - for test_html.py: the page of the report that stands as JSON on standard input. Exit status 3: no charts in this build. */
#include "compare/show/html.h"

#include <stdlib.h>

int main(void)
{
    char *json = NULL;
    size_t size = 0;
    int status = html_check("-");
    if (status == 0 && getdelim(&json, &size, '\0', stdin) > 0)
        html_page(json, "", stdout);
    free(json);
    return status;
}
