/* html.h - HTML by a format: what stands in it goes out as it is, every text that is put in is escaped. There is no way round: the
 * compiler takes literal formats alone. */
#pragma once
#include "order/out.h"

/* Knows %s, %d, %u and %%. A text is good between tags and between the quotes of an attribute; bytes that are not UTF-8 and
 * control characters other than a newline become U+FFFD. */
void html(struct out *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
