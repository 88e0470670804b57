/* place.h - a byte of the input, over all files: sorts in the order in which the input is read. */
#pragma once
#include <stdint.h>

typedef uint64_t place;     /* file (from 0) << 48 | byte in it (from 0) */
#define PLACE_NONE UINT64_MAX

static inline place place_of(uint32_t file, uint64_t byte) { return (uint64_t)file << 48 | byte; }
static inline uint32_t place_file(place p) { return (uint32_t)(p >> 48); }
static inline uint64_t place_byte(place p) { return p & ((UINT64_C(1) << 48) - 1); }
