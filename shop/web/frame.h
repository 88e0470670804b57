/* frame.h - what all pages have around them, and what more than one shows. */
#pragma once
#include "web/html.h"
#include "web/web.h"

void frame_begin(struct out *out, const char *title);
char *frame_end(struct out *out);       /* what web_..._page() return */

/* A drawing of a T-shirt in a colour by its English name; grey if it is not known. For eyes alone. */
void frame_shirt(struct out *out, const char *colour);

/* "Red T-shirt"; returns buf. */
const char *frame_name(const struct product *product, char *buf, size_t size);
