/* way.c - which way, by the beginning of what was given. */
#include "mail/deliver.h"

#include <string.h>

int way_open(uv_loop_t *loop, const struct mailer_opts *opts, struct way **ret_way)
{
    static const struct {
        const char *begin;
        int (*open)(uv_loop_t *loop, const struct mailer_opts *opts, struct way **ret_way);
    } ways[] = { { "smtp://", smtp_open }, { "smtps://", smtp_open }, { "sendmail:", pipe_open }, { "", folder_open } };
    size_t i = 0;
    while (strncmp(opts->to, ways[i].begin, strlen(ways[i].begin)) != 0)
        i++;
    return ways[i].open(loop, opts, ret_way);
}
