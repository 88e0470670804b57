#include <prong.h>
#include <stdio.h>
static int square(void *record) { int *n = record; *n *= *n; return 0; }
static int crash(void *record) { volatile int *nowhere = NULL; (void)record; return *nowhere; }
int main(void)
{
    int seven = 7; prong_pool *pool; prong_future *good, *bad; prong_error end;
    if (prong_init() || prong_pool_open(&(prong_pool_opts){ .engine = "processes" }, &pool) ||
        prong_submit(pool, square, &seven, sizeof seven, NULL, &good) || prong_submit(pool, crash, NULL, 0, NULL, &bad))
        return fprintf(stderr, "%s\n", prong_last_error()), 1;
    if (prong_wait(bad, PRONG_NEVER, &end) != PRONG_DONE) printf("%s\n", end.text);
    if (prong_wait(good, PRONG_NEVER, &end) == PRONG_DONE) printf("7 * 7 = %d\n", *(int *)prong_future_record(good));
    prong_future_free(good), prong_future_free(bad);
    return prong_pool_close(pool, PRONG_NEVER) != 0;
}
