#include "engine/processes/hear.h"
#include <string.h>
#include <unistd.h>

static struct { int channel; struct pn_heap_range heap; uint32_t news; bool in_talk; } self;

void pn_hear_begin(int channel, const struct pn_heap_range *heap)
{
    self.channel = channel;
    self.heap = *heap;
}

/* Outside the heap's range there is nothing to map, whoever says so. */
static void take_news(const struct pn_extent_news *n, int fd)
{
    bool inside = n->at >= self.heap.base && n->size <= self.heap.size && n->at - self.heap.base <= self.heap.size - n->size;
    if (!inside || pn_heap_learn(n, fd) < 0)
        _exit(0);
}

static void receive(void *buffer, size_t size, int ret_fds[PN_CHANNEL_FDS])
{
    if (pn_channel_receive(self.channel, buffer, size, ret_fds, true) <= 0)
        _exit(0);
}

static bool is_news(const void *buffer, int fds[PN_CHANNEL_FDS])
{
    const struct pn_news_msg *m = buffer;      /* all messages begin with their kind */
    if (m->kind != PN_NEWS)
        return false;
    for (uint32_t i = 0, k = 0; i < m->count && i < PN_NEWS_MOST; i++)
        take_news(&m->news[i], m->news[i].dropped ? -1 : fds[k++]);
    self.news++;
    pn_close_fds(fds, PN_CHANNEL_FDS);
    return true;
}

void pn_hear(void *buffer, size_t size, int ret_fds[PN_CHANNEL_FDS])
{
    self.in_talk = true;
    do
        receive(buffer, size, ret_fds);
    while (is_news(buffer, ret_fds));
    self.in_talk = false;
}

void pn_hear_news(uint32_t count)
{
    struct pn_news_msg m;
    int fds[PN_CHANNEL_FDS];
    while ((int32_t)(count - self.news) > 0) {        /* more may have come with the answer to a question */
        receive(&m, sizeof m, fds);
        if (!is_news(&m, fds))
            _exit(0);
    }
}

bool pn_hear_of(uint64_t address)
{
    struct pn_ask_msg ask = { .kind = PN_NEWS_PLEASE };
    struct iovec part = { &ask, sizeof ask };
    union { struct pn_answer_msg answer; struct pn_news_msg news; } m;
    int fds[PN_CHANNEL_FDS];
    uint32_t before = self.news;
    if (address - self.heap.base >= self.heap.size || self.in_talk || pn_channel_send(self.channel, &part, 1, NULL, 0, true) < 0)
        return false;
    pn_hear(&m, sizeof m, fds);
    pn_close_fds(fds, PN_CHANNEL_FDS);
    return self.news != before;
}
