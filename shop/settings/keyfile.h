/* keyfile.h - a secret, from a file that nobody but its owner may read. There is no other way to give one. */
#pragma once

/* A name without a slash is looked for in $CREDENTIALS_DIRECTORY (systemd's LoadCredential) first. A file elsewhere must have mode 0600 or
 * stricter. The text ends before its last newline. SAY_OK; SAY_USAGE or SAY_MISSING, said, with `place` (settings_place()) in front. */
int keyfile_read(const char *place, const char *path, char **ret_secret);
void keyfile_free(char *secret);        /* leaves nothing of it in memory; NULL is fine */
