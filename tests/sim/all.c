/* All simulated tests, with the parts of the library that they are about. In one file, so that a broken variant is one file, too. */
#include "sync/lock.c"
#include "sim/tests_bell.h"
#include "sim/tests_lock.h"
#include "sim/tests_pool.h"
#include "sim/tests_ring.h"

const struct sim_test *const sim_tests[] = { &lock_test, &cond_test, &bell_test, &ring_test, &pool_test, NULL };
