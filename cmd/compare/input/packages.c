/* packages.c - the assembler puts the file in as it is. PACKAGES_CSV, from the build, is its path. */
#include "compare/input/packages.h"

__asm__(".section .rodata\n"
        ".globl packages_csv\n"
        ".globl packages_csv_end\n"
        "packages_csv:\n"
        ".incbin \"" PACKAGES_CSV "\"\n"
        "packages_csv_end:\n"
        ".byte 0\n"
        ".previous\n");
