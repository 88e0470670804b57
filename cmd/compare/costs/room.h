/* room.h - how much memory this program may still fill. */
#pragma once
#include <stdint.h>

/* Bytes that the machine has to give, and the limits of the cgroups that the program is in leave. UINT64_MAX: nothing tells. */
uint64_t room_bytes(void);
