/* A module of which there are several builds, with and without build-id; each tells its number. */

int late_number(void);
extern int late_data;

__attribute__((visibility("default"))) int late_data = 1;
__attribute__((visibility("default"))) int late_number(void) { return LATE_NUMBER; }
