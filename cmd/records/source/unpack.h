/* unpack.h - gzip and zstd, a piece at a time: members or frames one after the other, as many as there are. */
#pragma once
#include "records/source/source.h"

struct unpacker;

/* Which packing a text that begins so has. */
enum { PACKING_BYTES = 6 };
enum packing packing_of(const char *text, size_t size);
/* What is built in. *ret_package: the Debian package to build with, else. */
bool packing_is_there(enum packing packing, const char **ret_package);

int unpacker_new(enum packing packing, struct unpacker **ret_unpacker);     /* 0 or -ENOMEM */
void unpacker_free(struct unpacker *unpacker);

/* Takes from *in and gives to *out what it can, and moves both on. NULL; or what is wrong with the packed text. */
const char *unpacker_step(struct unpacker *unpacker, const char **in, const char *in_end, char **out, char *out_end);
/* Between two members, where the packed text may end. */
bool unpacker_is_between(const struct unpacker *unpacker);
