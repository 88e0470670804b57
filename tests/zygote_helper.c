/* The helper of test_init_exec: becomes the zygote, or does what the first argument says instead. */
#include <dirent.h>
#include <prong.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static _Noreturn void stay(void)
{
    (void)!write(STDOUT_FILENO, "!", 1);
    for (;;)
        (void)pause();
}

static void *stay_in_thread(void *arg)
{
    (void)arg;
    stay();
}

/* Something at the addresses that it is about to be told. */
static void take_addresses(int fd)
{
    struct { uint32_t kind, protocol; uint64_t base, size; } begin;
    if (recv(fd, &begin, sizeof begin, MSG_PEEK) != sizeof begin)
        exit(10);
    void *at = (void *)(uintptr_t)(begin.base + begin.size / 2);
    if (mmap(at, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != at)
        exit(11);
}

/* 0 to 2 and the channel alone, and nothing to read. */
static void look_at_descriptors(int fd)
{
    char byte;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir || read(STDIN_FILENO, &byte, 1) != 0)
        exit(12);
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        int n = atoi(d->d_name);
        if (d->d_name[0] != '.' && n > 2 && n != fd && n != dirfd(dir))
            exit(20 + n);
    }
    (void)closedir(dir);
}

static void look_at_signals(void)
{
    sigset_t mask;
    struct sigaction action;
    if (sigprocmask(SIG_BLOCK, NULL, &mask) < 0 || sigismember(&mask, SIGUSR2) != 1 || sigismember(&mask, SIGTERM) != 0)
        exit(13);
    if (sigaction(SIGUSR1, NULL, &action) < 0 || action.sa_handler != SIG_DFL)
        exit(14);
}

/* As a prong does whose protocol is another: in words of the same size, or of others. */
static _Noreturn void speak_otherwise(int fd, size_t size)
{
    char begin[64];
    const uint32_t words[64] = { 1, 999 };
    (void)recv(fd, begin, sizeof begin, 0);
    (void)!write(fd, words, size);
    stay();
}

int main(int argc, char **argv)
{
    pthread_t thread;
    const char *what = argc > 2 ? argv[1] : "";
    int fd = argc > 1 ? atoi(argv[argc - 1]) : -1;
    if (!strcmp(what, "exit"))
        return 7;
    if (!strcmp(what, "die"))
        (void)raise(SIGKILL);
    if (!strcmp(what, "stay"))
        stay();
    if (!strcmp(what, "hang up")) {
        (void)close(fd);
        stay();
    }
    if (!strcmp(what, "speak otherwise"))
        speak_otherwise(fd, 32);
    if (!strcmp(what, "speak shortly"))
        speak_otherwise(fd, 8);
    if (!strcmp(what, "speak at length"))
        speak_otherwise(fd, 256);
    if (!strcmp(what, "thread"))
        (void)pthread_create(&thread, NULL, stay_in_thread, NULL);
    if (!strcmp(what, "take"))
        take_addresses(fd);
    if (!strcmp(what, "take once") && unlink(argv[2]) == 0)
        take_addresses(fd);
    if (!strcmp(what, "look")) {
        look_at_descriptors(fd);
        look_at_signals();
    }
    if (!strcmp(what, "no channel"))
        fd = STDOUT_FILENO;
    int r = prong_zygote_main(fd);
    (void)fprintf(stderr, "helper: %d, %s\n", r, prong_last_error());
    return 3;
}
