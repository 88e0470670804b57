/* Decodes files that nobody vouches for with a decoder that nobody has proved: some crash it, one keeps it busy for ever, one asks for
 * all the memory there is. Each takes along the worker that had it; nothing else is lost.
 *
 *     example_containment [FILE...]        without files it makes some of its own, bad ones among them
 *
 * A picture is chunks of 32-bit words: a letter, the length of the chunk in words with these two included, and
 *     H  width, height         C  colours, one each         D  pairs: how many pixels, the number of their colour */
#include <errno.h>
#include <prong.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct picture { char path[200]; uint32_t width, height; uint64_t light; };

/* Right for right files. It trusts all that a file says, as decoders do until somebody sends them the other kind. */
static int decode(void *record)
{
    static uint32_t word[4096 + 8];
    struct picture *p = record;
    const uint32_t *colours = NULL;                             /* a file without them: NULL */
    unsigned char *pixels = NULL;
    FILE *f = fopen(p->path, "rbe");
    if (!f)
        return prong_fail(errno, "%s: %s", p->path, strerror(errno));
    size_t done = 0, words = fread(word, 4, 4096, f);
    (void)fclose(f);
    for (size_t at = 0; at < words; at += word[at + 1]) {       /* a length of 0: for ever */
        if (word[at] == 'H')
            pixels = malloc((size_t)(p->width = word[at + 2]) * (p->height = word[at + 3]));      /* much may be none */
        else if (word[at] == 'C')
            colours = &word[at + 2];
        else if (word[at] == 'D')
            for (const uint32_t *pair = &word[at + 2]; pair < &word[at + word[at + 1]]; done += *pair, pair += 2)
                memset(pixels + done, (int)colours[pair[1]], *pair);        /* past the end, if they say so */
        else
            return free(pixels), prong_fail(EINVAL, "it has a chunk that no picture has");
    }
    for (size_t i = 0; i < done; i++)
        p->light += pixels[i];
    free(pixels);
    return 0;
}

/* ---- files of its own, every other one good ---- */

static char folder[] = "/tmp/containment.XXXXXX";
static const struct { const char *name; uint32_t word[15]; } kinds[] = {
    { "good",        { 'H', 4, 320, 200,         'C', 5, 0, 63, 255, 'D', 6, 32000, 1, 32000, 2 } },
    { "bad-letter",  { 'X', 4, 320, 200,         'C', 5, 0, 63, 255, 'D', 6, 32000, 1, 32000, 2 } },
    { "bad-run",     { 'H', 4, 320, 200,         'C', 5, 0, 63, 255, 'D', 6, 32000, 1, 1 << 30, 2 } },
    { "bad-colours", { 'H', 4, 320, 200,         'D', 6, 32000, 1, 32000, 2 } },
    { "bad-length",  { 'H', 4, 320, 200,         'C', 0, 0, 63, 255, 'D', 6, 32000, 1, 32000, 2 } },
    { "bad-size",    { 'H', 4, 1 << 15, 1 << 15, 'C', 5, 0, 63, 255, 'D', 6, 1 << 29, 1, 1 << 29, 2 } } };
enum { KINDS = sizeof kinds / sizeof *kinds, FILES = 2 * (KINDS - 1) };

static bool make(int i, char *path, size_t size)
{
    int kind = i % 2 ? 1 + i / 2 : 0;
    (void)snprintf(path, size, "%s-%d", kinds[kind].name, i);
    FILE *f = fopen(path, "wbe");
    bool well = f && fwrite(kinds[kind].word, sizeof kinds[kind].word, 1, f) == 1;
    return (!f || fclose(f) == 0) && well;
}

/* ---- in the program ---- */

static int stop(const char *why) { return fprintf(stderr, "containment: %s\n", why), 2; }

/* With a limit of memory, or without one where there is none. */
static int open_pool(prong_pool **ret_pool, bool *ret_limited)
{
    prong_pool_opts opts = { .engine = "processes", .memory_bytes = 256 << 20 };
    int r = prong_pool_open(&opts, ret_pool);
    *ret_limited = r != -ENOTSUP;
    if (*ret_limited)
        return r;
    printf("Memory has no limit: %s\n", prong_last_error());
    opts.memory_bytes = 0;
    return prong_pool_open(&opts, ret_pool);
}

/* Prints how it ended; true if it was decoded. */
static bool tell(prong_future *f)
{
    prong_error end;
    int r = prong_wait(f, PRONG_NOW, &end);
    const struct picture *p = prong_future_record(f);
    if (r == PRONG_DONE)
        printf("%-14s %u x %u, light %llu\n", p->path, p->width, p->height, (unsigned long long)p->light);
    else
        printf("%-14s %s\n", p->path, end.text);
    return r == PRONG_DONE;
}

int main(int argc, char **argv)
{
    bool own = argc < 2, limited;
    int decoded = 0, failed = 0, wrong = 0;
    prong_pool *pool;
    prong_group *group;
    prong_future *f;
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });     /* crashes are no news here */
    if (own && (!mkdtemp(folder) || chdir(folder) < 0))
        return stop(strerror(errno));
    if (prong_init() < 0 || open_pool(&pool, &limited) < 0 || prong_group_open(pool, &group) < 0)      /* prong_init before any thread */
        return stop(prong_last_error());
    int n = own ? FILES - !limited : argc - 1;                  /* the last of ours would take all memory */
    for (int i = 0; i < n; i++) {
        struct picture p = { .path = "" };
        if (own && !make(i, p.path, sizeof p.path))
            return stop(strerror(errno));
        if (!own)
            (void)snprintf(p.path, sizeof p.path, "%s", argv[i + 1]);
        if (prong_submit(pool, decode, &p, sizeof p, &(prong_run_opts){ .kill_ms = 2000, .group = group }, NULL) < 0)
            return stop(prong_last_error());
    }
    while (prong_group_next(group, PRONG_NEVER, &f) == 0) {     /* as they come */
        const char *path = ((struct picture *)prong_future_record(f))->path;
        bool well = tell(f);
        *(well ? &decoded : &failed) += 1;
        wrong += own && well == (strncmp(path, "bad", 3) == 0);
        if (own)
            (void)unlink(path);
        prong_future_free(f);
    }
    if (own)
        (void)rmdir(folder);
    printf("%d decoded, %d failed, %d lost\n", decoded, failed, n - decoded - failed);
    if (prong_group_close(group, PRONG_NEVER, NULL) < 0 || prong_pool_close(pool, PRONG_NEVER) < 0)
        return stop(prong_last_error());
    return wrong != 0 || decoded + failed != n;
}
