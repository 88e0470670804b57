/* unpack.c - one interface for zlib and libzstd. */
#include "records/source/unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifndef HAVE_ZLIB       /* the build says so, but for one that does not need it */
#define HAVE_ZLIB 0
#endif
#ifndef HAVE_ZSTD
#define HAVE_ZSTD 0
#endif
#if HAVE_ZLIB
#include <zlib.h>
#endif
#if HAVE_ZSTD
#include <zstd.h>
#endif

struct unpacker {
    enum packing packing;
    bool is_between;
    uint64_t n_ended;           /* members that came to their end */
#if HAVE_ZLIB
    z_stream z;
#endif
#if HAVE_ZSTD
    ZSTD_DStream *zstd;
#endif
};

enum packing packing_of(const char *text, size_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    if (size >= 2 && p[0] == 0x1f && p[1] == 0x8b)
        return PACKED_GZIP;
    if (size >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0)
        return PACKED_ZSTD;
    if (size >= 4 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0)    /* to be passed over: pzstd begins so */
        return PACKED_ZSTD;
    return PACKED_NOT;
}

bool packing_is_there(enum packing packing, const char **ret_package)
{
    *ret_package = packing == PACKED_GZIP ? "zlib1g-dev" : "libzstd-dev";
    return packing == PACKED_GZIP ? HAVE_ZLIB : packing == PACKED_ZSTD ? HAVE_ZSTD : true;
}

bool unpacker_is_between(const struct unpacker *unpacker)
{
    return unpacker->is_between;
}

/* ---- gzip ---------------------------------------------------------------------------------------------------------------- */

#if HAVE_ZLIB
enum { GZIP_ALONE = 16, GZIP_PIECE = 1 << 30 };     /* zlib counts in unsigned int */

static int gzip_begin(struct unpacker *u)
{
    return inflateInit2(&u->z, GZIP_ALONE + MAX_WBITS) == Z_OK ? 0 : -ENOMEM;
}

static void gzip_end(struct unpacker *u)
{
    (void)inflateEnd(&u->z);
}

static unsigned piece(size_t size)
{
    return size < GZIP_PIECE ? (unsigned)size : GZIP_PIECE;
}

static const char *gzip_step(struct unpacker *u, const char **in, const char *in_end, char **out, char *out_end)
{
    z_stream *z = &u->z;
    if (u->is_between && u->n_ended > 0)
        (void)inflateReset(z);
    u->is_between = false;
    z->next_in = (z_const Bytef *)(uintptr_t)*in;
    z->avail_in = piece((size_t)(in_end - *in));
    z->next_out = (Bytef *)*out;
    z->avail_out = piece((size_t)(out_end - *out));
    int r = inflate(z, Z_NO_FLUSH);
    *in = (const char *)z->next_in;
    *out = (char *)z->next_out;
    switch (r) {
    case Z_STREAM_END:
        u->is_between = true;
        u->n_ended++;
        return NULL;
    case Z_OK:
    case Z_BUF_ERROR:       /* it needs more, of either */
        return NULL;
    case Z_MEM_ERROR:
        return "no memory to unpack it";
    default:
        if (u->n_ended > 0 && z->total_out == 0 && z->msg && strcmp(z->msg, "incorrect header check") == 0)
            return "other bytes behind the end of it";
        return z->msg ? z->msg : "damaged data";
    }
}
#endif

/* ---- zstd ---------------------------------------------------------------------------------------------------------------- */

#if HAVE_ZSTD
static int zstd_begin(struct unpacker *u)
{
    u->zstd = ZSTD_createDStream();
    return u->zstd ? 0 : -ENOMEM;
}

static void zstd_end(struct unpacker *u)
{
    (void)ZSTD_freeDStream(u->zstd);
}

static const char *zstd_step(struct unpacker *u, const char **in, const char *in_end, char **out, char *out_end)
{
    ZSTD_inBuffer from = { *in, (size_t)(in_end - *in), 0 };
    ZSTD_outBuffer to = { *out, (size_t)(out_end - *out), 0 };
    size_t r = ZSTD_decompressStream(u->zstd, &to, &from);
    *in += from.pos;
    *out += to.pos;
    if (ZSTD_isError(r))
        return ZSTD_getErrorName(r);
    u->is_between = r == 0;     /* a frame came to its end, and all of it is given */
    return NULL;
}
#endif

/* ---- either -------------------------------------------------------------------------------------------------------------- */

int unpacker_new(enum packing packing, struct unpacker **ret_unpacker)
{
    struct unpacker *u = calloc(1, sizeof *u);
    if (!u)
        return -ENOMEM;
    u->packing = packing;
    u->is_between = true;
    int r = -ENOTSUP;
#if HAVE_ZLIB
    if (packing == PACKED_GZIP)
        r = gzip_begin(u);
#endif
#if HAVE_ZSTD
    if (packing == PACKED_ZSTD)
        r = zstd_begin(u);
#endif
    if (r < 0) {
        free(u);
        return r;
    }
    *ret_unpacker = u;
    return 0;
}

void unpacker_free(struct unpacker *unpacker)
{
    if (!unpacker)
        return;
#if HAVE_ZLIB
    if (unpacker->packing == PACKED_GZIP)
        gzip_end(unpacker);
#endif
#if HAVE_ZSTD
    if (unpacker->packing == PACKED_ZSTD)
        zstd_end(unpacker);
#endif
    free(unpacker);
}

const char *unpacker_step(struct unpacker *unpacker, const char **in, const char *in_end, char **out, char *out_end)
{
#if HAVE_ZLIB
    if (unpacker->packing == PACKED_GZIP)
        return gzip_step(unpacker, in, in_end, out, out_end);
#endif
#if HAVE_ZSTD
    if (unpacker->packing == PACKED_ZSTD)
        return zstd_step(unpacker, in, in_end, out, out_end);
#endif
    (void)unpacker, (void)in, (void)in_end, (void)out, (void)out_end;
    return "a packing that is not built in";
}
