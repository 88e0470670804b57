/* A module of which there are several builds, with and without build-id; each tells its number, and leaves a trace when it is loaded. */
#include <stdlib.h>

int late_number(void);
extern int late_data;

__attribute__((visibility("default"))) int late_data = 1;
__attribute__((visibility("default"))) int late_number(void) { return LATE_NUMBER; }

__attribute__((constructor)) static void leave_a_trace(void) { (void)setenv("LATE_NUMBER", "loaded", 1); }
