/* spin.h - how many CPUs are there for us just now: by the work that gets done, whatever anybody promises. */
#pragma once
#include <stdint.h>

/* As many threads as `cpus` spin together, for three times `seconds`. How many CPUs' worth of work they got done, in the best of the
 * three: a moment's disturbance meets one, a busy machine stays busy. 0: this machine does not let us start the threads. Nothing else
 * of this program should run meanwhile. */
double spin_cores(uint32_t cpus, double seconds);
