/* fail.c - counts down to a SIGKILL. */
#include "base/fail.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char wanted[64];     /* written before there are threads */
static long left;           /* until the kill; several threads may pass points at once */

void fail_init(void)
{
    const char *text = getenv("PRONG_SHOP_FAIL_AT");
    if (!text || !*text)
        return;
    snprintf(wanted, sizeof wanted, "%s", text);
    char *colon = strchr(wanted, ':');
    left = colon ? strtol(colon + 1, NULL, 10) : 1;
    if (colon)
        *colon = '\0';
    fprintf(stderr, "prong-shop: PRONG_SHOP_FAIL_AT: will be killed at %s, the time number %ld\n", wanted, left);
}

void fail_point(const char *name)
{
    if (!wanted[0] || strcmp(name, wanted) != 0)
        return;
    /* Relaxed: nothing else is told by it. */
    if (__atomic_sub_fetch(&left, 1, __ATOMIC_RELAXED) == 0)
        (void)kill(getpid(), SIGKILL);
}
