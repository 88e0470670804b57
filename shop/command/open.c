/* open.c - what jobs, stock and backup have in common. */
#include "command/command.h"
#include "base/trouble.h"

#include "say.h"

#include <errno.h>

const struct explained command_db_environment[] = {
    { "PRONG_SHOP_DB", "the database, if no option names it" },
    { "PRONG_SHOP_CONFIG", "the configuration file, if no option names it" },
    { 0 }
};

const struct explained command_exits[] = {
    { "0", "all is well" },
    { "1", "something of what was asked for cannot be done; the rest is done" },
    { "2", "wrong usage, or wrong settings" },
    { "3", "a file cannot be read or written" },
    { "4", "the database is damaged, or no database of a shop" },
    { "130", "interrupted by Ctrl-C; 143 by SIGTERM, 129 by SIGHUP" },
    { 0 }
};

int command_open_store(const char *db, struct store **ret_store)
{
    if (!db) {
        (void)say_error(SAY_USAGE, "which database?");
        say_hint("name it by --db FILE or PRONG_SHOP_DB, or the configuration that does by --config FILE");
        return SAY_USAGE;
    }
    const struct store_opts opts = { .path = db };
    int r = store_open(&opts, ret_store);
    if (r < 0)
        return say_error(r == -EUCLEAN || r == -ENOTSUP ? SAY_BAD_INPUT : SAY_MISSING, "%s", trouble_text());
    return SAY_OK;
}
