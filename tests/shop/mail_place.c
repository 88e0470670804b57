/* mail_place.c - see mail_place.h. */
#include "mail_place.h"
#include "base/trouble.h"

#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

extern char **environ;

void place_open(struct place *place)
{
    *place = (struct place){ .folder = "/tmp/prong-mail-XXXXXX" };
    ck_assert_int_eq(prong_init(), 0);
    ck_assert_int_eq(token_init(), 0);
    ck_assert_ptr_nonnull(mkdtemp(place->folder));
    snprintf(place->mail, sizeof place->mail, "%s/mail", place->folder);
    snprintf(place->log, sizeof place->log, "%s/log", place->folder);
    ck_assert_int_eq(prong_pool_open(&(prong_pool_opts){ .engine = "processes:2", .name = "receipts" }, &place->pool), 0);
    place->store = double_open();
    place->opts = (struct mailer_opts){ .store = place->store, .pool = place->pool, .to = place->mail, .from = "shop@example.org",
                                        .shop_name = "prong-shop", .public_url = "http://127.0.0.1:8080" };
}

void place_start(struct place *place)
{
    ck_assert_msg(mailer_open(&place->opts, &place->mailer) == 0, "%s", trouble_text());
}

void place_stop(struct place *place, int64_t deadline_ms)
{
    mailer_close(place->mailer, prong_in_ms(deadline_ms));
    place->mailer = NULL;
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char name[512];
    while (folder && (entry = readdir(folder)) != NULL) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlink(name);
    }
    if (folder)
        closedir(folder);
    (void)rmdir(path);
}

void place_close(struct place *place)
{
    mailer_close(place->mailer, prong_in_ms(10000));
    double_close(place->store);
    ck_assert_int_eq(prong_pool_close(place->pool, prong_in_ms(10000)), 0);
    if (place->control)
        fclose(place->control);
    remove_folder(place->mail);
    remove_folder(place->folder);
}

int64_t place_add(struct place *place, const char *email)
{
    int64_t id = double_add(place->store, &(struct order_texts){ .email = email });
    if (place->mailer)
        mailer_wake(place->mailer);
    return id;
}

/* ---- the mail server ----------------------------------------------------------------------------------------------------- */

static FILE *connect_to(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fdopen(fd, "r+");
}

/* Its standard output. */
static FILE *spawn(char *command)
{
    int ends[2];
    pid_t pid;
    char shell[] = "/bin/sh", c[] = "-c", *argv[] = { shell, c, command, NULL };
    posix_spawn_file_actions_t actions;
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    ck_assert_int_eq(posix_spawn(&pid, shell, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    return fdopen(ends[0], "r");
}

void place_serve(struct place *place, const char *args)
{
    char command[1024], line[128] = "";
    int port, control;
    const char *sink = getenv("PRONG_TEST_SINK");
    if (!sink)
        skip("PRONG_TEST_SINK does not name the mail server");
    snprintf(command, sizeof command, "exec /usr/bin/python3 '%s' --log '%s' %s", sink, place->log, args ? args : "");
    FILE *output = spawn(command);
    if (!fgets(line, sizeof line, output))
        skip("no mail server (Debian: python3-aiosmtpd)");
    ck_assert_msg(sscanf(line, "listening on 127.0.0.1:%d control 127.0.0.1:%d", &port, &control) == 2, "%s", line);
    fclose(output);
    place->control = connect_to(control);
    snprintf(place->to, sizeof place->to, "smtp://127.0.0.1:%d", port);
    place->opts.to = place->to;
}

void place_tell(struct place *place, const char *line, char *ret_answer, size_t size)
{
    char answer[1024];
    fprintf(place->control, "%s\n", line);
    fflush(place->control);
    ck_assert_ptr_nonnull(fgets(answer, sizeof answer, place->control));
    if (ret_answer)
        snprintf(ret_answer, size, "%s", answer);
    else
        ck_assert_str_eq(answer, "ok\n");
}

unsigned place_taken(struct place *place, const char *id)
{
    FILE *log = fopen(place->log, "re");
    char line[1024], wanted[64];
    unsigned n = 0;
    snprintf(wanted, sizeof wanted, "\"<%s@example.org>\"", id);
    while (log && fgets(line, sizeof line, log))
        n += strstr(line, wanted) != NULL;
    if (log)
        fclose(log);
    return n;
}

unsigned place_files(struct place *place, const char *end)
{
    DIR *folder = opendir(place->mail);
    struct dirent *entry;
    unsigned n = 0;
    while (folder && (entry = readdir(folder)) != NULL) {
        size_t length = strlen(entry->d_name);
        n += length >= strlen(end) && strcmp(entry->d_name + length - strlen(end), end) == 0;
    }
    if (folder)
        closedir(folder);
    return n;
}
