/* command.h - the command `prong records gen`. */
#pragma once
#include "options.h"

extern const struct command gen_command;
