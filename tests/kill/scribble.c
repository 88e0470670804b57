#include "scribble.h"
#include "chance.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAPS_MOST = 1 << 18, BYTES_MOST = 4 << 20, ROUNDS_MOST = 50 };

struct area { unsigned char *at; size_t size; };

/* No memory of its own is asked for: that could change what is mapped while it is read. */
static size_t find_areas(struct area *ret, size_t most)
{
    static char text[MAPS_MOST];
    size_t got = 0, n = 0;
    ssize_t r;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (r = read(fd, text + got, sizeof text - 1 - got)) > 0)
        got += (size_t)r;
    (void)close(fd);
    text[got] = '\0';
    for (char *line = text, *end; n < most && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        unsigned long from, to;
        char may[8];
        *end = '\0';
        if (sscanf(line, "%lx-%lx %7s", &from, &to, may) == 3 && strcmp(may, "rw-s") == 0 && strstr(line, "memfd:prong") &&
            !strstr(line, "memfd:prong-write"))
            ret[n++] = (struct area){ (unsigned char *)(uintptr_t)from, to - from < BYTES_MOST ? to - from : BYTES_MOST };
    }
    return n;
}

/* All of it, or here and there a word: what is next to right is harder to tell from right. */
static void spoil(const struct area *a, struct chance *c)
{
    if (chance_below(c, 2)) {
        chance_fill(a->at, a->size, chance_next(c));
        return;
    }
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t word = chance_below(c, 2) ? (uint32_t)chance_next(c) : chance_below(c, 4);
        memcpy(a->at + chance_below(c, (uint32_t)(a->size < 4096 || chance_below(c, 2) ? a->size : 4096) / 4) * 4, &word, sizeof word);
    }
}

void scribble(uint64_t seed)
{
    static struct area areas[64];
    struct chance c = { seed };
    size_t n = find_areas(areas, 64);
    for (uint32_t left = 1 + chance_below(&c, 2) * chance_below(&c, ROUNDS_MOST); left > 0; left--)
        for (size_t i = 0; i < n; i++)
            spoil(&areas[i], &c);
    switch (chance_below(&c, 6)) {
    case 0:
        abort();
    case 1:
        _exit(0);
    case 2:
        (void)raise(SIGKILL);
        return;
    default:
        return;
    }
}
