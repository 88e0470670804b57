/* pipe.c - messages given to a sendmail program, one process for each, a few at a time.
 *
 * Its input is a file in memory, whole before the program begins: were it a pipe and this process killed while it writes, the program
 * would take the part that it got for the message. It may send the message as soon as it runs, so hand() comes before it is started. Exit
 * status 0: it has the message; those of sysexits.h that tell of message or address: never; others: later. Killed, it may have taken the
 * message or not. */
#include "mail/deliver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

enum { PROGRAMS_MAX = 16 };

struct sendmail {
    struct way way;             /* first */
    uv_loop_t *loop;
    char *program;
};
struct program {
    uv_process_t process;       /* first: freed as one */
    struct delivery *delivery;
};

static void free_program(uv_handle_t *handle)
{
    free(handle);
}

static void tell_end(struct delivery *delivery, int64_t status, int signal)
{
    char trouble[80];
    enum outcome outcome = OUTCOME_LATER;
    if (signal != 0) {
        snprintf(trouble, sizeof trouble, "the program was killed by signal %d", signal);
        outcome = OUTCOME_LOST;
    } else {
        snprintf(trouble, sizeof trouble, "the program ended with status %d", (int)status);
        if (status == 0)
            outcome = OUTCOME_SENT;
        else if (status == EX_DATAERR || status == EX_NOUSER)
            outcome = OUTCOME_REFUSED;
    }
    delivery->done(delivery, outcome, outcome == OUTCOME_SENT ? "" : trouble);
}

static void ended(uv_process_t *process, int64_t status, int signal)
{
    tell_end(((struct program *)process)->delivery, status, signal);
    uv_close((uv_handle_t *)process, free_program);
}

/* A descriptor to read the message from, or a negative errno. */
static int file_of(const struct delivery *delivery)
{
    int fd = memfd_create("message", MFD_CLOEXEC);
    for (size_t at = 0; fd >= 0 && at < delivery->size; ) {
        ssize_t n = write(fd, delivery->message + at, delivery->size - at);
        if (n < 0 && errno != EINTR) {
            int r = -errno;
            close(fd);
            return r;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    return fd < 0 || lseek(fd, 0, SEEK_SET) < 0 ? -errno : fd;
}

static int spawn(struct sendmail *sendmail, struct program *program)
{
    struct delivery *delivery = program->delivery;
    char dots[] = "-i", sender[] = "-f", end[] = "--", from[256], to[256];
    snprintf(from, sizeof from, "%s", delivery->from);
    snprintf(to, sizeof to, "%s", delivery->to);
    char *args[] = { sendmail->program, dots, sender, from, end, to, NULL };
    int fd = file_of(delivery);
    if (fd < 0)
        return fd;
    uv_stdio_container_t stdio[] = { { .flags = UV_INHERIT_FD, .data.fd = fd }, { .flags = UV_IGNORE },
                                     { .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO } };
    uv_process_options_t options = { .file = sendmail->program, .args = args, .stdio = stdio, .stdio_count = 3, .exit_cb = ended,
                                     .flags = UV_PROCESS_DETACHED };     /* a group of its own, to be killed as one */
    int r = uv_spawn(sendmail->loop, &program->process, &options);
    close(fd);
    return r;
}

static void sendmail_start(struct way *way, struct delivery *delivery)
{
    (void)way;
    delivery->own = NULL;
    delivery->hand(delivery);
}

static void sendmail_go(struct way *way, struct delivery *delivery)
{
    struct sendmail *sendmail = (struct sendmail *)way;
    struct program *program = calloc(1, sizeof *program);
    if (!program) {
        delivery->done(delivery, OUTCOME_AWAY, "no memory");
        return;
    }
    program->delivery = delivery;
    int r = spawn(sendmail, program);
    if (r == 0) {
        delivery->own = program;
        return;
    }
    if (program->process.loop)
        uv_close((uv_handle_t *)&program->process, free_program);    /* it is one also where there is no program */
    else
        free(program);
    delivery->done(delivery, OUTCOME_AWAY, uv_strerror(r));
}

static void sendmail_stop(struct way *way, struct delivery *delivery)
{
    struct program *program = delivery->own;
    (void)way;
    if (program)
        (void)kill(-program->process.pid, SIGKILL);
    else
        delivery->done(delivery, OUTCOME_LATER, "out of time");
}

static void sendmail_close(struct way *way)
{
    struct sendmail *sendmail = (struct sendmail *)way;
    free(sendmail->program);
    free(sendmail);
}

int pipe_open(uv_loop_t *loop, const struct mailer_opts *opts, struct way **ret_way)
{
    static const struct way_ops ops = { .start = sendmail_start, .go = sendmail_go, .stop = sendmail_stop, .close = sendmail_close };
    struct sendmail *sendmail = calloc(1, sizeof *sendmail);
    if (!sendmail)
        return -ENOMEM;
    sendmail->program = strdup(strchr(opts->to, ':') + 1);
    if (!sendmail->program || access(sendmail->program, X_OK) < 0) {
        int r = sendmail->program ? -errno : -ENOMEM;
        free(sendmail->program);
        free(sendmail);
        return r;
    }
    sendmail->way = (struct way){ .ops = &ops, .most = PROGRAMS_MAX };
    sendmail->loop = loop;
    *ret_way = &sendmail->way;
    return 0;
}
