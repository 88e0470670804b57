/* module.h - which functions a worker has at the same address as the program: those of modules that were loaded when the zygote was
 * forked, and still are. */
#pragma once

/* Remembers the modules that are loaded now. 0 or -ENOMEM. Before the zygote is forked. */
int pn_modules_remember(void);

/* 0; -EINVAL: the address is in no module (a trampoline, generated code); -ENOTSUP: in one that was loaded later; with words.
 * Thread-safe. */
int pn_function_check(void (*fn)(void));
