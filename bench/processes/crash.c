/* crash.c - from a process's death until its parent knows, and until another that stands ready begins what was queued: a floor.
 *
 *     crash N PAUSE_US
 *
 * Each child waits at a pipe for its work: to note the time and kill itself, or, being the spare, to note the time. The parent waits at the
 * first one's pidfd. Prints {"end_ns", "end_p99_ns", "begin_ns", "begin_p99_ns", "seen_to_begin_ns", "seen_to_begin_p99_ns", "n"}. */
#include "crash.h"
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child { pid_t pid; int pid_fd, work_fd; };
static struct notes *notes;

static _Noreturn void serve(int work_fd)
{
    char work;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (read(work_fd, &work, 1) != 1)
        _exit(1);
    if (work == 'd') {
        notes->died = now_ns();
        kill(getpid(), SIGKILL);
    }
    notes->begun = now_ns();
    _exit(0);
}

static struct child start(void)
{
    int work[2];
    struct child child;
    if (pipe(work) < 0)
        die("pipe");
    child.pid = fork();
    if (child.pid < 0)
        die("fork");
    if (child.pid == 0)
        serve(work[0]);
    close(work[0]);
    child.work_fd = work[1];
    child.pid_fd = (int)syscall(SYS_pidfd_open, child.pid, 0);
    if (child.pid_fd < 0)
        die("pidfd_open");
    return child;
}

static void tell(const struct child *child, char work)
{
    if (write(child->work_fd, &work, 1) != 1)
        die("write");
}

static void end(struct child *child, bool was_killed)
{
    int status;
    if (waitpid(child->pid, &status, 0) < 0)
        die("waitpid");
    if (was_killed ? !WIFSIGNALED(status) : status != 0)
        wrong("a child did not end as it had to");
    close(child->work_fd);
    close(child->pid_fd);
}

int main(int argc, char **argv)
{
    size_t n = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    if (n == 0) {
        fputs("usage: crash N PAUSE_US\n", stderr);
        return 2;
    }
    place_of("free");
    notes = shared_memory(sizeof *notes);
    struct crashes crashes = crashes_new(n);
    for (size_t i = 0; i < n; i++) {
        struct child worker = start(), spare = start();
        crash_pause(atoll(argv[2]));
        tell(&worker, 'd');
        if (poll(&(struct pollfd){ .fd = worker.pid_fd, .events = POLLIN }, 1, -1) != 1)
            die("poll");
        int64_t seen = now_ns();
        tell(&spare, 'n');
        end(&worker, true);
        end(&spare, false);
        crashes_add(&crashes, notes, seen);
    }
    crashes_print_and_free(&crashes);
    return 0;
}
