/* settings.h - a command's options from four places: the command line, over the environment, over a file, over what they are by default.
 *
 * The table of options is all there is: --mail-from is the key mail-from in the file and PRONG_SHOP_MAIL_FROM in the environment, and
 * is read by the same code with the same checks. The file (--config, PRONG_SHOP_CONFIG) is INI: lines `key = value`, on top or
 * under [serve]; comments begin with # or ; and a flag's value is yes or no. An empty variable is none. Errors begin with the place:
 * "shop.conf:7: ...", "PRONG_SHOP_DB: ...". For the main thread. */
#pragma once
#include "options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { SETTINGS_MAX = 64, PLACE_SIZE = 256 };
struct settings {
    /* Of option_of(command, i): "shop.conf:7", "PRONG_SHOP_DB", "command line"; "": nobody gave it. */
    char from[SETTINGS_MAX][PLACE_SIZE];
    struct words kept;                      /* what the request points into */
    size_t room;
};

/* Fills in `request` (of `size` bytes, with the defaults in it). `whole` is the command whose options are the settings: `command` takes
 * those that it has, too, and passes over the others, so that `jobs` reads the file of `serve`. As options_read(). */
int settings_read(const struct command *command, const struct command *whole, void *request, size_t size, int argc, char *const argv[],
                  struct settings *ret_settings);
void settings_free(struct settings *settings);      /* and the request's texts with it */

/* It may stand in the file and the environment. */
bool settings_has(const struct command *whole, const struct option *option);
/* "PRONG_SHOP_MAIL_FROM" of "--mail-from"; returns buf. */
const char *settings_variable(const struct option *option, char *buf, size_t size);

/* Where option `name` came from, for the beginning of an error: "shop.conf:7: gateway", "PRONG_SHOP_GATEWAY", "--gateway". */
const char *settings_place(const struct settings *settings, const struct command *command, const char *name, char *buf, size_t size);

/* All settings with their values and where these came from, a line for each. */
void settings_show(const struct settings *settings, const struct command *command, const void *request, FILE *to);
