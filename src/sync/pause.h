/* pause.h - between two looks of a spinning thread: lets the CPU do something else for a moment. */
#pragma once

static inline void pn_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
