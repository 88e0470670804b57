/* disk.h - a disk that can be made to fail, under SQLite: a VFS of our own in front of the usual one, made the default. */
#pragma once
#include <sqlite3.h>
#include <stdint.h>

enum disk { DISK_GOOD, DISK_FULL, DISK_SYNC_FAILS };

void disk_watch(void);                  /* once, before the first database is opened */
void disk_fail(enum disk how);          /* from now on, any thread */
uint64_t disk_syncs(void);              /* of all files together */
/* The database and its log as they were at their last sync, under another name. */
void disk_copy_synced(const char *path, const char *to);
