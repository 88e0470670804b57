/* proc.h - small files of the kernel: each may be missing. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* The beginning of a file, ended by a zero. */
bool proc_read(const char *path, char *ret_text, size_t size);
/* The rest of the first line that begins with `key`, after what parts the two. */
bool proc_find(const char *path, const char *key, char *ret_rest, size_t size);

/* The least of what `read` gives for the folders of the control groups that this process is in, from its own up to the root, in the
 * hierarchy of `controller` (both versions): the tightest level holds. INFINITY: no limit. */
double proc_cgroup_least(const char *controller, double (*read)(const char *folder));
