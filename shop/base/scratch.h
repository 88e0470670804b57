/* scratch.h - memory for trees of JSON, which live for a moment: read, looked at, and freed as a whole. */
#pragma once

/* Once, first: from then on jansson takes its memory from a piece of each thread's own, and from malloc() what does not fit. A tree is
 * freed by the thread that made it. */
void scratch_init(void);
