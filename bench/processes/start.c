/* start.c - a process that starts, does nothing and is waited for, by an owner that holds memory: what can be had without prong.
 *
 *     start HOW MB SECONDS
 *
 *     zygote        a small process, forked while the owner was small, is asked over a socket: forks, the child exits, waits, tells
 *     fork          fork, _exit, wait
 *     vfork-exec    vfork, exec of a static program, wait
 *     posix-spawn   posix_spawn of the same, wait
 *     thread        pthread_create, pthread_join */
#include "bench.h"
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { STATUS = 7 };            /* of every child: so that a wrong one shows */

static int zygote_fd;
static char program[PATH_MAX];  /* `nothing`, beside this one */

static void check_status(int status)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != STATUS)
        wrong("a child did not end as it had to");
}

static void wait_for(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, 0) != pid)
        die("waitpid");
    check_status(status);
}

static int fork_and_wait(void)
{
    int status;
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0)
        _exit(STATUS);
    if (waitpid(pid, &status, 0) != pid)
        die("waitpid");
    return status;
}

static void zygote_serve(int fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (char request; read(fd, &request, 1) == 1;) {
        int status = fork_and_wait();
        if (write(fd, &status, sizeof status) != sizeof status)
            break;
    }
    _exit(0);
}

static void zygote_open(void)
{
    int both[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both) < 0)
        die("socketpair");
    pid_t pid = fork();
    if (pid < 0)
        die("fork");
    if (pid == 0) {
        close(both[0]);         /* so that the owner's end ends it */
        zygote_serve(both[1]);
    }
    close(both[1]);
    zygote_fd = both[0];
}

static void zygote_once(void *arg)
{
    (void)arg;
    int status;
    if (write(zygote_fd, "", 1) != 1 || read(zygote_fd, &status, sizeof status) != sizeof status)
        die("zygote");
    check_status(status);
}

static void fork_once(void *arg)
{
    (void)arg;
    check_status(fork_and_wait());
}

static void vfork_once(void *arg)
{
    (void)arg;
    char *const words[] = { program, NULL };
    pid_t pid = vfork();
    if (pid < 0)
        die("vfork");
    if (pid == 0) {
        execv(program, words);
        _exit(STATUS + 1);
    }
    wait_for(pid);
}

static void spawn_once(void *arg)
{
    (void)arg;
    char *const words[] = { program, NULL };
    pid_t pid;
    if (posix_spawn(&pid, program, NULL, NULL, words, environ) != 0)
        die("posix_spawn");
    wait_for(pid);
}

static void *thread_main(void *arg)
{
    ++*(int *)arg;
    return arg;
}

static void thread_once(void *arg)
{
    (void)arg;
    int number = STATUS;
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_main, &number) != 0)
        die("pthread_create");
    pthread_join(thread, NULL);
    if (number != STATUS + 1)
        wrong("a thread did not run");
}

static const struct way { const char *name; void (*open)(void), (*once)(void *arg); } ways[] = {
    { "zygote", zygote_open, zygote_once }, { "fork", NULL, fork_once }, { "vfork-exec", NULL, vfork_once },
    { "posix-spawn", NULL, spawn_once }, { "thread", NULL, thread_once },
};

int main(int argc, char **argv)
{
    const struct way *way = NULL;
    for (size_t i = 0; argc == 4 && i < sizeof ways / sizeof *ways; i++)
        if (strcmp(argv[1], ways[i].name) == 0)
            way = &ways[i];
    if (!way) {
        fputs("usage: start zygote|fork|vfork-exec|posix-spawn|thread MB SECONDS\n", stderr);
        return 2;
    }
    snprintf(program, sizeof program, "%s/nothing", dirname(argv[0]));
    place_of("free");
    if (way->open)
        way->open();
    hold_memory(strtoul(argv[2], NULL, 10));
    print_times(measure(way->once, NULL, 1, atof(argv[3])));
    return 0;
}
