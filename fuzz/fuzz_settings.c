/* fuzz_settings.c - any bytes as a configuration file: settings, or an error that was said; what was taken is as the table asks. */
#include "say.h"
#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct request {
    const char *config, *text, *choice;
    bool flag;
    uint32_t count;
};

static const char *name(size_t i)
{
    static const char *const names[] = { "once", "resend" };
    return i < 2 ? names[i] : NULL;
}

#define AT(member) offsetof(struct request, member)
static const struct option options[] = {
    { .name = "--config", .value = "FILE", .kind = OPTION_FILE, .at = AT(config), .help = "a file" },
    { .name = "--db", .value = "TEXT", .kind = OPTION_TEXT, .at = AT(text), .help = "a text" },
    { .name = "--how", .value = "HOW", .kind = OPTION_CHOICE, .at = AT(choice), .names = name, .help = "one of two" },
    { .name = "--demo", .kind = OPTION_FLAG, .at = AT(flag), .help = "a flag" },
    { .name = "--n", .value = "N", .kind = OPTION_COUNT, .most = 99, .at = AT(count), .help = "a count" },
    { 0 }
};
static const struct command command = { .name = "serve", .summary = "a sample", .options = options };

static void must(bool truth)
{
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char words[3][40] = { "serve", "--config" };
    char *const argv[] = { words[0], words[1], words[2], NULL };
    struct request r = { .count = 5 };
    struct settings settings;
    int fd = memfd_create("settings", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(words[2], sizeof words[2], "/proc/self/fd/%d", fd);
    int status = settings_read(&command, &command, &r, sizeof r, 3, argv, &settings);
    must(status == SAY_OK || status == SAY_USAGE);
    must(!say_place);
    must(!r.text || (*r.text && strlen(r.text) < 200 && !strchr(r.text, '\n')));
    must(!r.choice || strcmp(r.choice, "once") == 0 || strcmp(r.choice, "resend") == 0);
    must(r.count >= 1 && r.count <= 99);
    settings_free(&settings);
    (void)close(fd);
    return 0;
}
