/* prong_alloc: the pool's heap, made at first use where the engine did not make it at open. */
#include "base/error.h"
#include "core/engine.h"
#include "core/run.h"
#include "memory/heap.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int heap_of(prong_pool *pool, struct pn_heap **ret_heap)
{
    int r = 0;
    pn_lock(&pool->lock);
    if (!pool->heap)
        r = pn_heap_open(pool->heap_bytes, false, &pool->heap);
    *ret_heap = pool->heap;
    pn_unlock(&pool->lock);
    return r;
}

void *prong_alloc(prong_pool *pool, size_t size, enum prong_access access)
{
    struct pn_heap *heap = NULL;
    struct pn_context *c = pn_context();
    int r = pn_pool_resolve(&pool);
    if (r == 0 && access != PRONG_READ && access != PRONG_WRITE)
        r = pn_error(-EINVAL, "access %d is neither PRONG_READ nor PRONG_WRITE", (int)access);
    if (r == 0 && pool->engine->alloc)
        return pool->engine->alloc(pool, size, access);
    if (r == 0)
        r = heap_of(pool, &heap);
    if (r < 0) {
        errno = -r;
        return NULL;
    }
    prong_future *run = c && c->pool == pool ? c->run : NULL;
    void *mem = pn_heap_alloc(heap, size, access, run);
    if (!mem) {
        (void)pn_error(-ENOMEM, "the pool's heap has no %zu bytes left", size);
        errno = ENOMEM;
    } else if (run) {
        run->allocated = true;
    }
    return mem;
}

void prong_free(prong_pool *pool, void *mem)
{
    struct pn_heap *heap;
    if (!mem || pn_pool_resolve(&pool) < 0)
        return;
    if (pool->engine->free ? pool->engine->free(pool, mem) : heap_of(pool, &heap) < 0 || pn_heap_free(heap, mem))
        return;
    /* Said as malloc says it: the program cannot go on, as the same memory would be handed out twice. */
    (void)fprintf(stderr, "prong_free: %p is no memory of this pool, or was freed before\n", mem);
    abort();
}
