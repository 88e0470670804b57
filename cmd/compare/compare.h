/* compare.h - `prong compare`: the same work on every engine, checked to agree, measured, shown. */
#pragma once
#include "options.h"

extern const struct command compare_command;
