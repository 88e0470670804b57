/* The handler runs on a stack of its own, as the task's may be what has run out, and makes only calls that are safe in a signal handler. The
 * walk up the stack may be none where it stands (the fault may lie in the loader, or the stack be spoilt): a timer that ends it is set before,
 * with the signal itself, whose action is the default again by then. */
#include "engine/processes/fault.h"
#include "engine/processes/channel.h"
#include "engine/processes/hear.h"
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#if PN_HAS_UNWIND
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#endif

static struct { int channel; const uint64_t *call; bool memory_is_limited; } self;

/* Who has met the limit has errno of it, if a function told; or not even little is left. */
static bool memory_is_out(int error)
{
    enum { LITTLE = 1 << 20 };
    if (!self.memory_is_limited || error == ENOMEM)
        return self.memory_is_limited;
    void *mem = mmap(NULL, LITTLE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED)
        return true;
    (void)munmap(mem, LITTLE);
    return false;
}

static void send(struct pn_fault *msg)
{
    struct iovec part = { .iov_base = msg, .iov_len = sizeof *msg };
    (void)pn_channel_send(self.channel, &part, 1, NULL, 0, false);
}

#if PN_HAS_UNWIND
enum { WALK_NS = 200000000 };

static void end_walk_in_time(int signo)
{
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = signo };
    struct itimerspec when = { .it_value.tv_nsec = WALK_NS };
    sigset_t now;
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &when, NULL) < 0)
        return;
    (void)sigemptyset(&now);
    (void)sigaddset(&now, signo);
    (void)sigprocmask(SIG_UNBLOCK, &now, NULL);
}

static void walk(struct pn_fault *msg, void *context, int signo)
{
    unw_cursor_t cursor;
    unw_word_t at;
    end_walk_in_time(signo);
    if (unw_init_local2(&cursor, context, UNW_INIT_SIGNAL_FRAME) < 0)
        return;
    do
        if (unw_get_reg(&cursor, UNW_REG_IP, &at) == 0 && at)
            msg->frame[msg->frames++] = at;
    while (msg->frames < PN_FRAMES_MOST && unw_step(&cursor) > 0);
}
#endif

static void on_fault(int signo, siginfo_t *in, void *context);

/* Once: the next one of its kind has the default again. */
static void watch(int signo)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND };
    (void)sigaction(signo, &action, NULL);
}

static void on_fault(int signo, siginfo_t *in, void *context)
{
    int error = errno;
    bool by_itself = in->si_code > 0;          /* else it was sent */
    if (by_itself && signo == SIGSEGV && pn_hear_of((uint64_t)(uintptr_t)in->si_addr)) {
        watch(signo);
        errno = error;
        return;                                /* and tries again */
    }
    struct pn_fault msg = { .kind = PN_FAULT, .signo = signo, .call = *self.call,
                            .address = by_itself ? (uint64_t)(uintptr_t)in->si_addr : 0, .memory_is_out = memory_is_out(error) };
    send(&msg);
#if PN_HAS_UNWIND
    walk(&msg, context, signo);
    send(&msg);                                /* once more, with all that is known */
#else
    (void)context;
#endif
    if (!by_itself)
        (void)raise(signo);                    /* it will not come again by itself */
}

void pn_fault_watch(int channel, const uint64_t *call, bool memory_is_limited)
{
    static _Alignas(64) char stack[65536];
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    self.channel = channel;
    self.call = call;
    self.memory_is_limited = memory_is_limited;
    (void)sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        watch(faults[i]);
}
