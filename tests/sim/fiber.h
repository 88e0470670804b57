/* fiber.h - a stack of its own to run on, and switching between them. */
#pragma once
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

struct fiber {
    void (*fn)(void);
    char *stack;                          /* NULL: the one the program began on */
    size_t size;
    bool begun;
    jmp_buf at;
    const void *bottom;                   /* for the address sanitizer */
    size_t bottom_size;
};
/* fn must not return. What ran on the stack before is forgotten. */
void fiber_make(struct fiber *f, void (*fn)(void), char *stack, size_t size);
void fiber_switch(struct fiber *from, struct fiber *to);
