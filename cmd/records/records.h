/* records.h - the commands `prong records` and `prong records gen`. */
#pragma once
#include "options.h"

extern const struct command records_command;
