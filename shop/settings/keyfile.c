/* keyfile.c - opens first and asks the descriptor, so that what was checked is what is read. */
#include "settings/keyfile.h"

#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = 1024 };

/* systemd sees to it who may read them, with an ACL whose mask looks like a mode that others could read. */
static int open_credential(const char *name)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[4096];
    if (!folder || !*folder || strchr(name, '/') || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return -1;
    return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static int check_mode(const char *place, const char *path, int fd, bool is_credential)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return say_error(SAY_MISSING, "%s: %s: %s", place, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return say_error(SAY_MISSING, "%s: %s is no file", place, path);
    if (is_credential || !(st.st_mode & (S_IRWXG | S_IRWXO)))
        return SAY_OK;
    int status = say_error(SAY_MISSING, "%s: others may read %s (mode %04o): a secret is its owner's alone", place, path,
                           st.st_mode & 07777u);
    say_hint("chmod 600 %s", path);
    return status;
}

/* Less its last newline; a secret is one line of printable characters. */
static bool take_line(char *text, size_t size)
{
    if (size && text[size - 1] == '\n')
        size--;
    if (size && text[size - 1] == '\r')
        size--;
    text[size] = '\0';
    bool is_good = size > 0;
    for (size_t i = 0; i < size; i++)
        is_good = is_good && (unsigned char)text[i] >= ' ' && text[i] != 0x7f;
    return is_good;
}

static int read_all(const char *place, const char *path, int fd, char text[static SECRET_MAX + 2])
{
    size_t size = 0;
    ssize_t n;
    while (size <= SECRET_MAX && (n = read(fd, text + size, SECRET_MAX + 1 - size)) != 0) {
        if (n < 0)
            return say_error(SAY_MISSING, "%s: %s: %s", place, path, strerror(errno));
        size += (size_t)n;
    }
    if (size > SECRET_MAX)
        return say_error(SAY_USAGE, "%s: %s has more than %d bytes: is it the right file?", place, path, SECRET_MAX);
    if (!take_line(text, size))
        return say_error(SAY_USAGE, "%s: %s must hold the secret in one line, and nothing else", place, path);
    return SAY_OK;
}

int keyfile_read(const char *place, const char *path, char **ret_secret)
{
    int fd = open_credential(path), status;
    bool is_credential = fd >= 0;
    if (!is_credential)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return say_error(SAY_MISSING, "%s: %s: %s", place, path, strerror(errno));
    char *text = calloc(1, SECRET_MAX + 2);
    if (!text) {
        status = say_error(SAY_MISSING, "out of memory");
        goto close_fd;
    }
    status = check_mode(place, path, fd, is_credential);
    if (status == SAY_OK)
        status = read_all(place, path, fd, text);
    if (status == SAY_OK)
        *ret_secret = text;
    else
        keyfile_free(text);
close_fd:
    (void)close(fd);
    return status;
}

void keyfile_free(char *secret)
{
    if (!secret)
        return;
    explicit_bzero(secret, SECRET_MAX + 2);
    free(secret);
}
