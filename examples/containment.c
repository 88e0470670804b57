/* Decodes files that nobody vouches for with a decoder that nobody has proved. Some crash it, some keep it busy for ever, some eat all memory: each
 * costs itself, and nothing else is lost.
 *
 *     example_containment FILE...          without files it makes a few, bad ones among them */
#include <prong.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct file { char path[200]; unsigned width, height; uint64_t light; };

/* A picture is a width, a height, and pairs of a count and a colour. The decoder believes them all. */
static int decode(void *record)
{
    struct file *f = record;
    unsigned count = 0, colour = 0;
    FILE *in = fopen(f->path, "re");
    if (!in || fscanf(in, "%u %u", &f->width, &f->height) != 2)
        return prong_fail(1, "this is no picture");
    size_t size = (size_t)f->width * f->height;
    unsigned char *pixels = malloc(size);                               /* NULL, if it is too large */
    for (size_t done = 0; done < size; done += count) {                 /* counts of 0: for ever */
        (void)!fscanf(in, "%u %u", &count, &colour);
        memset(pixels + done, (int)colour, count);                      /* beyond the end, if the count says so */
    }
    for (size_t i = 0; i < size; i++)
        f->light += pixels[i];
    return fclose(in);
}

int main(int argc, char **argv)
{
    static const char *const own[] = { "4 2  6 1  2 9", "4 2  6 1  99999999 9", "4 2  0 1", "50000 50000  1 1", "a poem", "1 1  1 255" };
    prong_pool_opts opts = { .engine = "processes", .memory_bytes = 256 << 20 };
    prong_run_opts limits = { .kill_ms = 1000 };
    int n = argc > 1 ? argc - 1 : 6, decoded = 0, failed = 0;
    prong_future **run = calloc((size_t)n, sizeof *run);
    prong_pool *pool;
    if (prong_init() < 0 || prong_pool_open(&opts, &pool) < 0)          /* first of all: workers are forked from what is here */
        return fprintf(stderr, "%s\n", prong_last_error()), 2;
    for (int i = 0; i < n; i++) {
        struct file f = { .path = "/tmp/picture.XXXXXX" };
        if (argc > 1)
            (void)snprintf(f.path, sizeof f.path, "%s", argv[i + 1]);
        else if (dprintf(mkstemp(f.path), "%s", own[i]) < 0)
            return perror(f.path), 2;
        if (prong_submit(pool, decode, &f, sizeof f, &limits, &run[i]) < 0)
            return fprintf(stderr, "%s\n", prong_last_error()), 2;
    }
    for (int i = 0; i < n; i++) {
        prong_error end;
        bool well = prong_wait(run[i], PRONG_NEVER, &end) == PRONG_DONE;
        const struct file *f = prong_future_record(run[i]);
        if (well)
            printf("%s: %u x %u, light %llu\n", f->path, f->width, f->height, (unsigned long long)f->light);
        else
            printf("%s: %s\n", f->path, end.text);
        *(well ? &decoded : &failed) += 1;
        if (argc < 2)
            (void)unlink(f->path);
        prong_future_free(run[i]);
    }
    free(run);
    printf("%d decoded, %d failed\n", decoded, failed);
    return prong_pool_close(pool, PRONG_NEVER) < 0 || (argc < 2 && decoded != 2);
}
