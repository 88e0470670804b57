/* command.h - the commands of prong-shop, each with its table. */
#pragma once
#include "options.h"
#include "store/store.h"

extern const struct command demo_command, serve_command, jobs_command, stock_command, backup_command, gateway_command;

/* For commands beside a running server, or without one: the database, which must exist. `db` NULL: nobody named it. SAY_OK, or said. */
int command_open_store(const char *db, struct store **ret_store);
/* What such a command takes from the settings of the server. */
#define COMMAND_DB_OPTIONS(type) \
    { .group = "Which shop", .name = "--db", .value = "FILE", .kind = OPTION_FILE, .at = offsetof(type, db), .help = "the database" }, \
    { .name = "--config", .value = "FILE", .kind = OPTION_FILE, .at = offsetof(type, config), \
      .help = "the configuration of `prong-shop serve`, which names the database" }
extern const struct explained command_db_environment[], command_exits[];
