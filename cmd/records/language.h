/* language.h - what the manual page tells beside the options: the language of expressions, and every policy on odd input. */
#pragma once
#include "options.h"

extern const struct section records_language[];
