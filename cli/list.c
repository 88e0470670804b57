/* list.c - names with commas between. */
#include "list.h"

#include "nearest.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

static int say_unknown(const char *option, const char *name, const char *const names[], size_t n)
{
    const char *near = *name ? nearest_of(name, names, n) : NULL;
    if (*name)
        (void)say_error(SAY_USAGE, "%s does not know '%s'", option, name);
    else
        (void)say_error(SAY_USAGE, "%s lacks a name before or after a comma", option);
    if (near) {
        say_hint("did you mean %s?", near);
        return SAY_USAGE;
    }
    char known[256] = "";
    for (size_t i = 0, used = 0; i < n && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? "," : "", names[i]);
    say_hint("%s takes one or more of %s", option, known);
    return SAY_USAGE;
}

int list_choose(const char *option, const char *list, const char *const names[], size_t n, bool ret_chosen[])
{
    for (size_t i = 0; i < n; i++)
        ret_chosen[i] = !list;
    while (list) {
        char name[64];
        size_t size = strcspn(list, ","), i = 0;
        snprintf(name, sizeof name, "%.*s", (int)(size < sizeof name ? size : sizeof name - 1), list);
        while (i < n && (strlen(names[i]) != size || memcmp(names[i], list, size) != 0))
            i++;
        if (i == n)
            return say_unknown(option, name, names, n);
        ret_chosen[i] = true;
        list = list[size] ? list + size + 1 : NULL;
    }
    return SAY_OK;
}
