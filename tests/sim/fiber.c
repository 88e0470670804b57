/* A context is used once, to begin on the stack; from then on it is setjmp and longjmp, which call no kernel and take a few nanoseconds. */
#include "sim/fiber.h"
#include <stdlib.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ADDRESS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ADDRESS 1
#endif
#endif
#ifdef FIBER_ADDRESS
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

static struct fiber *left;                /* the one that was switched from */

static void tell_leaving(struct fiber *from, struct fiber *to)
{
    left = from;
    __sanitizer_start_switch_fiber(NULL, to->bottom, to->bottom_size);
}
static void tell_arrived(void) { __sanitizer_finish_switch_fiber(NULL, &left->bottom, &left->bottom_size); }
static void forget(char *stack, size_t size) { __asan_unpoison_memory_region(stack, size); }
#else
static void tell_leaving(struct fiber *from, struct fiber *to) { (void)from, (void)to; }
static void tell_arrived(void) { }
static void forget(char *stack, size_t size) { (void)stack, (void)size; }
#endif

static struct fiber *beginning;

void fiber_make(struct fiber *f, void (*fn)(void), char *stack, size_t size)
{
    *f = (struct fiber){ .fn = fn, .stack = stack, .size = size, .bottom = stack, .bottom_size = size };
    forget(stack, size);
}

static void begin(void)
{
    tell_arrived();
    beginning->fn();
    abort();
}

static void go_to(struct fiber *to)
{
    static ucontext_t context;
    if (to->begun || !to->stack)
        _longjmp(to->at, 1);
    to->begun = true;
    beginning = to;
    (void)getcontext(&context);
    context.uc_stack.ss_sp = to->stack;
    context.uc_stack.ss_size = to->size;
    context.uc_link = NULL;
    makecontext(&context, begin, 0);
    (void)setcontext(&context);
    abort();
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
    tell_leaving(from, to);
    if (_setjmp(from->at) == 0)
        go_to(to);
    tell_arrived();
}
