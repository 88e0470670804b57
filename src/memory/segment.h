/* segment.h - memory that can be handed to another process: a memfd, sealed so that nobody can cut it short under a reader. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* The largest that this process may make. */
size_t pn_segment_most(void);
/* A new descriptor of `size` zero bytes that can neither shrink nor grow; all of it is there at once, so no later access fails for want
 * of memory. Or a negative errno: -ENOMEM, -EFBIG (over the program's file size limit), -EMFILE. */
int pn_segment_new(const char *name, size_t size);
/* The same without its memory: bytes come into being as they are committed. */
int pn_segment_new_sparse(const char *name, size_t size);
int pn_segment_commit(int fd, size_t offset, size_t size);
/* Brings the memory behind a mapping into being, so that no access there can fail: 0 or -ENOMEM. Whole pages. Before Linux 5.14 it does nothing. */
int pn_segment_populate(const void *at, size_t size, bool for_writing);
/* From now on nobody can map it writable; mappings that are there stay as they are. */
int pn_segment_seal_writes(int fd);
/* Nobody who is given it can add seals; pn_segment_seal_writes does this, too. */
int pn_segment_seal_seals(int fd);
/* Whether a descriptor that another process sent is a segment of at least `size` bytes that cannot shrink, and whose memory is there. */
bool pn_segment_is_sound(int fd, size_t size);

/* NULL and errno. size 0 is refused. */
void *pn_segment_map(int fd, size_t size, bool writable);
/* A private copy, to be written without anybody else seeing it. */
void *pn_segment_map_private(int fd, size_t size);
/* At this address exactly, in place of what is mapped there. */
void *pn_segment_map_at(void *at, int fd, size_t size, bool writable);
void  pn_segment_unmap(void *mem, size_t size);     /* NULL is fine */
