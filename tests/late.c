/* A module that the program loads after prong_init: no worker process knows it. */

int late_task(void *record);

__attribute__((visibility("default"))) int late_task(void *record)
{
    (void)record;
    return 0;
}
