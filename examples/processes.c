/* As many workers as CPUs; each takes 4,000,000 square roots; start all, join all. */
#include <math.h>
#include <prong.h>
#include <stdio.h>

static int take_roots(void *record)
{
    double *sum = record;
    for (int i = 0; i < 4000000; i++)
        *sum += sqrt(i);
    return 0;
}

int main(void)
{
    int r = prong_init();       /* first of all: processes come from here */
    prong_solo *worker[1024];
    prong_error end;
    double sum = 0, total = 0;
    uint32_t n = prong_cpus() < 1024 ? prong_cpus() : 1024;
    for (uint32_t i = 0; r == 0 && i < n; i++)
        r = prong_solo_start(&(prong_pool_opts){ .engine = "processes" }, take_roots, &sum, sizeof sum, &worker[i]);
    for (uint32_t i = 0; r == 0 && i < n; i++, total += sum) {
        r = prong_solo_join(worker[i], PRONG_NEVER, &sum, &end);
        prong_solo_free(worker[i]);
    }
    if (r != 0)
        return fprintf(stderr, "%s\n", r > 0 ? end.text : prong_last_error()), 1;
    return printf("%u workers, sum of all roots %.3f\n", n, total) < 0;
}
