/* options.h - what a mailer was asked for: checked, completed and copied. Any thread. */
#pragma once
#include "mail/mailer.h"

/* The defaults are filled in; all texts lie in one piece of memory, *ret_texts, the caller's to free. -EINVAL: trouble_text() says which option,
 * and why. */
int options_take(const struct mailer_opts *opts, struct mailer_opts *ret_opts, void **ret_texts);
