/* signals.c - undoes interrupt_catch(), which only notes. */
#include "command/signals.h"

#include <signal.h>
#include <stddef.h>

static void hang_up(int number)
{
    (void)number;
    (void)raise(SIGTERM);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction before, action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    (void)sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        (void)sigaction(number, &action, NULL);
}

void signals_end(void)
{
    handle(SIGINT, SIG_DFL);
    handle(SIGTERM, SIG_DFL);
    handle(SIGHUP, hang_up);
}
