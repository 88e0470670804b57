/* backup.c - `prong-shop backup`: a copy that is whole, while the shop goes on. */
#include "command/command.h"
#include "base/trouble.h"

#include "interrupt.h"
#include "say.h"
#include "settings/settings.h"
#include "text.h"

#include <errno.h>
#include <sys/stat.h>

struct request {
    const char *db, *config, *to;
};

static const struct option options[] = {
    COMMAND_DB_OPTIONS(struct request),
    { .group = "Where to", .name = "--to", .value = "FILE", .kind = OPTION_FILE, .at = offsetof(struct request, to),
      .help = "the copy; must not exist yet" },
    { 0 }
};

static int on_pages(int64_t done, int64_t pages, void *arg)
{
    (void)arg;
    if (pages > 0)
        say_progress("copying: %d %%", (int)(done * 100 / pages));
    return interrupt_came();
}

static int copy(struct store *store, const char *to)
{
    struct stat st;
    char size[TEXT_SIZE];
    int r = store_backup(store, to, on_pages, NULL);
    say_progress_end();
    if (r == -ECANCELED)
        return SAY_INTERRUPTED;
    if (r == -EEXIST) {
        (void)say_error(SAY_MISSING, "%s exists already", to);
        say_hint("a backup goes into a new file, such as shop-$(date +%%F).db");
        return SAY_MISSING;
    }
    if (r < 0)
        return say_error(SAY_MISSING, "%s: %s", to, trouble_text());
    if (stat(to, &st) < 0)
        return say_error(SAY_MISSING, "%s has gone again", to);
    printf("%s: %s\n", to, text_bytes((double)st.st_size, size));
    return SAY_OK;
}

static int run_request(const struct request *request)
{
    struct store *store;
    if (!request->to) {
        (void)say_error(SAY_USAGE, "where to?");
        say_hint("prong-shop backup --db shop.db --to shop-$(date +%%F).db");
        return SAY_USAGE;
    }
    say_unfinished = "there is no backup";
    int status = command_open_store(request->db, &store);
    if (status != SAY_OK)
        return status;
    status = copy(store, request->to);
    store_close(store);
    return status;
}

static int run_command(int argc, char *const argv[])
{
    struct request request = { 0 };
    struct settings settings;
    int status = settings_read(&backup_command, &serve_command, &request, sizeof request, argc, argv, &settings);
    if (status == SAY_OK)
        status = run_request(&request);
    settings_free(&settings);
    return status == OPTIONS_SHOWN ? SAY_OK : status;
}

static const struct explained examples[] = {
    { "prong-shop backup --db shop.db --to shop-$(date +%F).db", "every night" },
    { "prong-shop backup --config /etc/prong-shop.conf --to /mnt/backup/shop.db", "as the server has it" },
    { 0 }
};

const struct command backup_command = {
    .name = "backup",
    .summary = "copies the database, whole, while the shop runs",
    .about = "Writes a consistent copy of the database into a new file and syncs it, beside a server that runs or without one. To go back "
             "to it: end the shop, put the copy in the place of the database (and remove the files -wal and -shm beside that), start the "
             "shop. What was charged since then is known to the gateway alone.",
    .options = options,
    .exits = command_exits,
    .environment = command_db_environment,
    .examples = examples,
    .run = run_command,
};
