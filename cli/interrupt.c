/* interrupt.c - a page that is shared with all that are forked later holds the signal's number.
 *
 * Ordering: relaxed is enough everywhere. The number is all that is told, nothing that was written before it; one word has one order
 * of changes, so whoever has seen it goes on seeing it; and a task that sees it one question later has lost nothing. */
#include "interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

static int alone;               /* stands in where no page is to be had: then workers do not see it, and end with their pools */
static int *noted = &alone;
static int64_t first_ns;        /* when this process was told first, which is not the same as *noted in one that was forked; 0: not yet */

/* timeout(1), npm and the like pass on what the terminal has sent already: so soon after the first a second one is no wish of its own. */
static const int64_t same_ns = 200000000;

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + 1;
}

static void note(int signo)
{
    int error = errno;
    int64_t now = now_ns(), first = 0;
    if (__atomic_compare_exchange_n(&first_ns, &first, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        __atomic_store_n(noted, signo, __ATOMIC_RELAXED);
    else if (now - first > same_ns) {
        (void)signal(signo, SIG_DFL);
        (void)raise(signo);     /* comes when this handler returns */
    }
    errno = error;
}

/* There to be no SIG_IGN, which programs that are started would inherit. */
static void go_on(int signo)
{
    (void)signo;
}

static void catch_one(int signo, void (*handler)(int))
{
    struct sigaction before, action = { .sa_handler = handler };
    (void)sigemptyset(&action.sa_mask);
    if (sigaction(signo, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        (void)sigaction(signo, &action, NULL);
}

void interrupt_catch(void)
{
    int *page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED)
        noted = page;
    catch_one(SIGINT, note);
    catch_one(SIGTERM, note);
    catch_one(SIGHUP, note);
    catch_one(SIGPIPE, go_on);
}

bool interrupt_came(void)
{
    return __atomic_load_n(noted, __ATOMIC_RELAXED) != 0;
}

int interrupt_status(void)
{
    int signo = __atomic_load_n(noted, __ATOMIC_RELAXED);
    return signo ? 128 + signo : 0;
}
