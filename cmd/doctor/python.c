/* python.c - asks the python3 of PATH who it is, in a process group of its own, so that a Ctrl-C stays ours. */
#include "doctor/health.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };
static const char program[] =
    "import platform, sys; print(platform.python_version(), int(getattr(sys, '_is_gil_enabled', lambda: True)()), sys.executable)";

/* 0, or an errno: no such program. */
static int start(int out, pid_t *ret_pid)
{
    char *const argv[] = { (char[]){ "python3" }, (char[]){ "-I" }, (char[]){ "-c" }, strdupa(program), NULL };
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int r = posix_spawn_file_actions_init(&actions);
    if (r != 0)
        return r;
    r = posix_spawnattr_init(&attributes);
    if (r != 0)
        goto destroy_actions;
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    (void)posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    r = posix_spawnp(ret_pid, argv[0], &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
destroy_actions:
    posix_spawn_file_actions_destroy(&actions);
    return r;
}

/* All that comes until the other end is closed. False: it took too long, or we were interrupted. */
static bool read_all(int fd, char *ret_text, size_t size)
{
    size_t n = 0;
    ssize_t got = 1;
    while (got > 0 && n < size - 1) {
        if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, PATIENCE_MS) <= 0)
            return false;
        got = read(fd, ret_text + n, size - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    ret_text[n] = '\0';
    return got >= 0;
}

static int ask(char *ret_text, size_t size)
{
    int pipe_fds[2], status;
    pid_t pid;
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return errno;
    int r = start(pipe_fds[1], &pid);
    close(pipe_fds[1]);
    if (r == 0) {
        if (!read_all(pipe_fds[0], ret_text, size))
            (void)kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        r = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : ECHILD;
    }
    close(pipe_fds[0]);
    return r;
}

void look_at_python(struct health *h)
{
    char text[4200] = "", path[4096] = "";
    h->python.gil = -1;
    int r = ask(text, sizeof text);
    if (r == 0 && sscanf(text, "%63s %d %4095[^\n]", h->python.version, &h->python.gil, path) < 2)
        r = ECHILD;
    if (r == 0)
        health_add(h, "Python", "python3", HEALTH_OK, NULL, "%s, %s: %s", h->python.version,
                   h->python.gil ? "with one lock (GIL) for all threads" : "free-threaded, without the GIL", path);
    else
        health_add(h, "Python", "python3", HEALTH_NOTE, "apt-get install python3", "%s: prong compare leaves Python out",
                   r == ENOENT ? "not found" : r == ECHILD ? "does not run" : strerror(r));
}
