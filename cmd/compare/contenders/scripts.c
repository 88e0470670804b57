/* scripts.c - the assembler puts the files in as they are. PYTHON_FOLDER, from the build, is where they are. */
#include "compare/contenders/scripts.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT(name)                                                \
    __asm__(".section .rodata\n"                                    \
            ".globl script_" #name "\n"                             \
            ".globl script_" #name "_end\n"                         \
            "script_" #name ":\n"                                   \
            ".incbin \"" PYTHON_FOLDER "/" #name ".py\"\n"          \
            "script_" #name "_end:\n"                               \
            ".byte 0\n"                                             \
            ".previous\n");                                         \
    extern const char script_##name[], script_##name##_end[]

SCRIPT(works);
SCRIPT(serial);
SCRIPT(threads);
SCRIPT(processes);
SCRIPT(crash);

static const struct { const char *name, *begin, *end; } scripts[] = {
    { "works.py", script_works, script_works_end },
    { "serial.py", script_serial, script_serial_end },
    { "threads.py", script_threads, script_threads_end },
    { "processes.py", script_processes, script_processes_end },
    { "crash.py", script_crash, script_crash_end },
};

static int write_all(int fd, const char *begin, const char *end)
{
    while (begin < end) {
        ssize_t n = write(fd, begin, (size_t)(end - begin));
        if (n < 0 && errno != EINTR)
            return -errno;
        begin += n > 0 ? n : 0;
    }
    return 0;
}

static int write_script(const char *folder, size_t i)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, scripts[i].name) >= (int)sizeof path)
        return -ENAMETOOLONG;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write_all(fd, scripts[i].begin, scripts[i].end);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    return r;
}

int scripts_unpack(char *ret_folder, size_t size)
{
    int r = 0;
    const char *place = getenv("TMPDIR");
    if (snprintf(ret_folder, size, "%s/prong-XXXXXX", place && place[0] == '/' ? place : "/tmp") >= (int)size)
        return -ENAMETOOLONG;
    if (!mkdtemp(ret_folder))
        return -errno;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0] && r == 0; i++)
        r = write_script(ret_folder, i);
    if (r < 0)
        scripts_remove(ret_folder);
    return r;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    (void)remove(path);
    return 0;
}

void scripts_remove(const char *folder)
{
    (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
