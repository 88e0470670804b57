/* hear.h - in a worker: what its owner says over the channel. News of the heap are taken in on the way, whatever is waited for. */
#pragma once
#include "engine/processes/channel.h"
#include "engine/processes/wire.h"

void pn_hear_begin(int channel, const struct pn_heap_range *heap);
/* The next message that is no news. Without an owner there is nobody to work for: then it does not return. */
void pn_hear(void *buffer, size_t size, int ret_fds[PN_CHANNEL_FDS]);
/* Until so many news have come, since the worker began. */
void pn_hear_news(uint32_t count);
/* A task has met an address that is not there. true: it is now, as it lies in an extent of the heap that this process had not heard of. Safe in a
 * signal handler. */
bool pn_hear_of(uint64_t address);
