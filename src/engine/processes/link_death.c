/* link_death.c - how a run ended whose worker died in the middle of it, in words. */
#include "engine/processes/link.h"
#include "base/error.h"
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static bool is_of(const struct pn_fault *fault, const struct pn_flight *in, int signo)
{
    return fault->kind && fault->signo == signo && fault->call == in->call + 1;
}

/* The library's own code, where it is not part of the program: above the task there is nothing else. */
static bool is_below_the_task(uintptr_t address, const struct pn_call *call)
{
    Dl_info in, own, task;
    bool known = dladdr((void *)address, &in) && dladdr((void *)(uintptr_t)pn_link_death, &own) && dladdr((void *)(uintptr_t)call->fn[0], &task);
    return known && in.dli_fbase == own.dli_fbase && task.dli_fbase != own.dli_fbase;
}

/* " in a < b < c": names as far as the owner has the code at the same address. Where a call returns to may be the beginning of what follows. */
static void name_frames(const struct pn_fault *fault, const struct pn_call *call, char *ret, size_t size)
{
    char name[64];
    size_t at = 0;
    ret[0] = '\0';
    for (uint32_t i = 0; i < fault->frames && i < PN_FRAMES_MOST && at < size; i++) {
        uintptr_t address = (uintptr_t)fault->frame[i] - (i > 0);
        if (is_below_the_task(address, call))
            return;
        pn_address_name(address, name, sizeof name);
        at += (size_t)snprintf(ret + at, size - at, "%s%s", i ? " < " : " in ", name);
    }
}

static void tell_crash(const struct pn_link *l, const struct pn_flight *in, const char *name, int signo, prong_error *end)
{
    char where[32] = "", frames[128] = "";
    if (is_of(&l->fault, in, signo)) {
        end->address = l->fault.address;
        if (end->address)
            (void)snprintf(where, sizeof where, " at 0x%llx", (unsigned long long)end->address);
        name_frames(&l->fault, &in->run->call, frames, sizeof frames);
    }
    pn_end_set(end, PRONG_CRASHED, signo, "task %s crashed: %s%s%s (worker %d)", name, pn_signal_name(signo), where, frames, l->pid);
}

/* A signal that stands for a limit, or a crash for want of memory. */
static bool tell_limit(const struct pn_link *l, const struct pn_flight *in, const char *name, int signo, prong_error *end)
{
    const prong_pool *pool = l->pool;
    if (signo == SIGXCPU && pool->cpu_ms)
        pn_end_set(end, PRONG_LIMIT, ETIME, "task %s used up its %llu ms of CPU time (worker %d)", name, (unsigned long long)pool->cpu_ms, l->pid);
    else if (signo == SIGXCPU)
        pn_end_set(end, PRONG_LIMIT, ETIME, "task %s used up its worker's CPU time (worker %d)", name, l->pid);
    else if (signo == SIGXFSZ)
        pn_end_set(end, PRONG_LIMIT, EFBIG, "task %s wrote a file beyond its largest size (worker %d)", name, l->pid);
    else if (is_of(&l->fault, in, signo) && l->fault.memory_is_out && pool->memory_bytes)
        pn_end_set(end, PRONG_LIMIT, ENOMEM, "task %s had no memory left of its worker's %llu bytes: %s (worker %d)", name,
                   (unsigned long long)pool->memory_bytes, pn_signal_name(signo), l->pid);
    else
        return false;
    return true;
}

void pn_link_death(const struct pn_link *l, const struct pn_flight *in, const struct pn_zygote_msg *ended, prong_error *end)
{
    const prong_future *run = in->run;
    bool by_kill = ended->how != CLD_EXITED && ended->status == SIGKILL;
    char name[64];
    *end = (prong_error){ .tag = run->tag, .pid = l->pid };
    pn_call_name(&run->call, name, sizeof name);
    if (run->call.kind == PN_CALL_SPAN && pn_link_had_begun(l, in->call))
        end->tag = pn_call_piece(&run->call, pn_load_relaxed(&l->replies->piece));
    if (l->killed == PN_KILLED_FOR_LYING)
        pn_end_set(end, PRONG_LOST, EPROTO, "the worker %d of task %s sent what cannot be a reply, and was killed", l->pid, name);
    else if (by_kill && l->killed == PN_KILLED_BY_TIME)
        pn_end_set(end, PRONG_TIMEOUT, ETIMEDOUT, "task %s was killed after %llu ms (worker %d)", name, (unsigned long long)run->kill_ms, l->pid);
    else if (by_kill && l->killed == PN_KILLED_BY_CANCEL)
        pn_end_set(end, PRONG_CANCELLED, ECANCELED, "task %s was cancelled, and its worker %d killed", name, l->pid);
    else if (by_kill && l->killed == PN_KILLED_AS_UNWELL)
        pn_end_set(end, PRONG_LOST, EPIPE, "the worker %d of task %s could not be spoken to, and was killed", l->pid, name);
    else if (ended->how == CLD_EXITED)
        pn_end_set(end, PRONG_EXITED, ended->status, "task %s left its worker %d with exit status %d", name, l->pid, ended->status);
    else if (!tell_limit(l, in, name, ended->status, end))
        tell_crash(l, in, name, ended->status, end);
}
