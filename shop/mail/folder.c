/* folder.c - messages as files, in a directory.
 *
 * A file is named after its Message-ID, written beside its place, synced, renamed into it, and then the folder is synced: so it is there
 * whole or not at all, and delivering again makes the same file again. What waits while others are written goes together, with one sync
 * of the folder. All of it happens in libuv's threads: disks may be slow. */
#include "mail/deliver.h"

#include "base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

enum { BATCHES = 2, BATCH_MAX = 128 };

struct folder {
    struct way way;             /* first */
    uv_loop_t *loop;
    int fd;
    uint32_t busy;              /* batches at work */
    struct delivery *waiting;   /* list */
    bool closing;
};
struct batch {
    uv_work_t work;             /* first */
    struct folder *folder;
    uint32_t n;
    struct {
        struct delivery *delivery;
        int error;
    } each[BATCH_MAX];
};

/* ---- in libuv's threads -------------------------------------------------------------------------------------------------- */

static int write_all(int fd, const char *at, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno != EINTR)
            return -errno;
        at += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int write_file(int folder, const char *name, const struct delivery *delivery)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write_all(fd, delivery->message, delivery->size);
    if (r == 0 && fdatasync(fd) < 0)
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    return r;
}

static int deliver(int folder, const struct delivery *delivery)
{
    char beside[400], name[400];
    snprintf(name, sizeof name, "%s.eml", delivery->id);
    snprintf(beside, sizeof beside, ".%s.part", delivery->id);
    int r = write_file(folder, beside, delivery);
    fail_point("before-rename");
    if (r == 0 && renameat(folder, beside, folder, name) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(folder, beside, 0);
    return r;
}

static void work(uv_work_t *work)
{
    struct batch *batch = (struct batch *)work;
    for (uint32_t i = 0; i < batch->n; i++)
        batch->each[i].error = deliver(batch->folder->fd, batch->each[i].delivery);
    if (fsync(batch->folder->fd) == 0)
        return;
    int error = -errno;
    for (uint32_t i = 0; i < batch->n; i++)
        batch->each[i].error = batch->each[i].error < 0 ? batch->each[i].error : error;
}

/* ---- on the loop --------------------------------------------------------------------------------------------------------- */

static void begin(struct folder *folder);

static void end_if_idle(struct folder *folder)
{
    if (!folder->closing || folder->busy > 0)
        return;
    close(folder->fd);
    free(folder);
}

static void after_work(uv_work_t *work, int status)
{
    struct batch *batch = (struct batch *)work;
    struct folder *folder = batch->folder;
    folder->busy--;
    for (uint32_t i = 0; i < batch->n; i++) {
        struct delivery *delivery = batch->each[i].delivery;
        int error = status < 0 ? status : batch->each[i].error;
        delivery->done(delivery, error == 0 ? OUTCOME_SENT : OUTCOME_AWAY, error == 0 ? "" : strerror(-error));
    }
    free(batch);
    begin(folder);
    end_if_idle(folder);
}

static void begin(struct folder *folder)
{
    while (folder->waiting && folder->busy < BATCHES) {
        struct batch *batch = malloc(sizeof *batch);
        struct delivery *delivery;
        if (!batch) {
            delivery = folder->waiting;
            DL_DELETE(folder->waiting, delivery);
            delivery->done(delivery, OUTCOME_AWAY, "no memory");
            continue;
        }
        batch->folder = folder;
        for (batch->n = 0; batch->n < BATCH_MAX && (delivery = folder->waiting) != NULL; batch->n++) {
            DL_DELETE(folder->waiting, delivery);
            batch->each[batch->n].delivery = delivery;
        }
        folder->busy++;
        (void)uv_queue_work(folder->loop, &batch->work, work, after_work);
    }
}

static void folder_start(struct way *way, struct delivery *delivery)
{
    struct folder *folder = (struct folder *)way;
    DL_APPEND(folder->waiting, delivery);
    begin(folder);
}

static void folder_stop(struct way *way, struct delivery *delivery)
{
    struct folder *folder = (struct folder *)way;
    struct delivery *each;
    DL_FOREACH(folder->waiting, each)
        if (each == delivery)
            break;
    if (!each)
        return;         /* being written: that ends by itself */
    DL_DELETE(folder->waiting, delivery);
    delivery->done(delivery, OUTCOME_AWAY, "the disk is too slow");
}

static void folder_close(struct way *way)
{
    struct folder *folder = (struct folder *)way;
    folder->closing = true;
    end_if_idle(folder);
}

int folder_open(uv_loop_t *loop, const struct mailer_opts *opts, struct way **ret_way)
{
    static const struct way_ops ops = { .start = folder_start, .stop = folder_stop, .close = folder_close };
    int r;
    struct folder *folder = calloc(1, sizeof *folder);
    if (!folder)
        return -ENOMEM;
    folder->way.ops = &ops;
    folder->loop = loop;
    if (mkdir(opts->to, 0700) < 0 && errno != EEXIST) {
        r = -errno;
        goto free_folder;
    }
    folder->fd = open(opts->to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0) {
        r = -errno;
        goto free_folder;
    }
    if (faccessat(folder->fd, ".", W_OK | X_OK, AT_EACCESS) < 0) {
        r = -errno;
        goto close_fd;
    }
    *ret_way = &folder->way;
    return 0;
close_fd:
    close(folder->fd);
free_folder:
    free(folder);
    return r;
}
