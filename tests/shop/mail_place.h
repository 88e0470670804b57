/* mail_place.h - what a case about the mailer needs: a store's double, a pool, a folder of its own, a mail server. */
#pragma once
#include "mail/mailer.h"
#include "store_double.h"

#include <stdio.h>

struct place {
    struct store *store;
    prong_pool *pool;
    struct mailer_opts opts;    /* to: the folder `mail` */
    struct mailer *mailer;
    char folder[64], mail[80], log[80], to[64];
    FILE *control;              /* of the mail server */
};

void place_open(struct place *place);           /* first in a case: calls prong_init() */
void place_start(struct place *place);          /* a mailer, by opts */
void place_stop(struct place *place, int64_t deadline_ms);
void place_close(struct place *place);          /* removes the folder */

int64_t place_add(struct place *place, const char *email);      /* a receipt, and wakes the mailer */

/* A mail server with these further arguments (NULL: none); opts.to becomes it. Skips the case where there is none. */
void place_serve(struct place *place, const char *args);
void place_tell(struct place *place, const char *line, char *ret_answer, size_t size);      /* to its control port; NULL: "ok" is wanted */
unsigned place_taken(struct place *place, const char *id);      /* lines of the server's log with this Message-ID */
unsigned place_files(struct place *place, const char *end);     /* files in `mail` whose names end so */
