/* sqrt.h - the work `sqrt`: each worker takes four million square roots. */
#pragma once
#include "compare/works/work.h"

extern const struct work sqrt_work;
