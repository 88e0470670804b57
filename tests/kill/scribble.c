#include "scribble.h"
#include "chance.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAPS_MOST = 1 << 18, BYTES_MOST = 4 << 20, ROUNDS_MOST = 50, PAGE = 4096, SMALL_MOST = 16, WORDS = 64 };

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

/* All of it; or one small number all over the first page; or here and there a word: what is next to right is harder to tell from right. */
static void spoil(const struct area *a, struct chance *c)
{
    size_t near = a->size < PAGE ? a->size : PAGE;
    uint64_t small = chance_below(c, SMALL_MOST);
    uint32_t how = chance_below(c, 3);
    if (how == 0)
        chance_fill(a->at, a->size, chance_next(c));
    for (size_t at = 0; how == 1 && at < near; at += sizeof small)
        memcpy(a->at + at, &small, sizeof small);
    for (uint32_t i = 0; how == 2 && i < WORDS; i++) {
        unsigned char *at = a->at + chance_below(c, (uint32_t)(chance_below(c, 2) ? near : a->size) / 4) * 4;
        uint32_t word;
        memcpy(&word, at, sizeof word);
        word = chance_below(c, 2) ? (uint32_t)chance_next(c) : word + chance_below(c, 3) - 1;
        memcpy(at, &word, sizeof word);
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
