/* wait.h - the work `wait`: each run asks a server and waits for its answer, and computes nothing. */
#pragma once
#include "compare/works/work.h"

extern const struct work wait_work;
