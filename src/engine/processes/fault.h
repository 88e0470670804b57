/* fault.h - what a worker tells of its own death by a fault, before it dies: the signal, the address, the calls that led there, and whether its
 * memory was out. The death itself is the zygote's to tell. */
#pragma once
#include "engine/processes/wire.h"

/* From now on faults of this process are told over the channel. *call is the number + 1 of the call that is being run, 0: none. */
void pn_fault_watch(int channel, const uint64_t *call, bool memory_is_limited);
