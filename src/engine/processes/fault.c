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
#include <ucontext.h>
#include <unwind.h>

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

struct walk { uintptr_t from; bool begun; struct pn_fault *msg; };

/* The walk begins in here: what is told begins where the fault was. */
static _Unwind_Reason_Code note_frame(struct _Unwind_Context *at, void *arg)
{
    struct walk *w = arg;
    uintptr_t ip = _Unwind_GetIP(at);
    w->begun |= ip == w->from;
    if (w->begun && ip)
        w->msg->frame[w->msg->frames++] = ip;
    return w->msg->frames < PN_FRAMES_MOST ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static uintptr_t instruction(const void *context)
{
    const ucontext_t *c = context;
#if defined(__x86_64__)
    return (uintptr_t)c->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)c->uc_mcontext.pc;
#else
    return (void)c, 0;
#endif
}

/* By the unwinder that comes with the compiler. */
static void walk(struct pn_fault *msg, const void *context, int signo)
{
    struct walk w = { .from = instruction(context), .msg = msg };
    end_walk_in_time(signo);
    (void)_Unwind_Backtrace(note_frame, &w);
}

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
    walk(&msg, context, signo);
    send(&msg);                                /* once more, with all that is known */
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
