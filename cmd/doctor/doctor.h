/* doctor.h - `prong doctor`: what of prong works on this machine, and what is in the way. */
#pragma once
#include "options.h"

extern const struct command doctor_command;
