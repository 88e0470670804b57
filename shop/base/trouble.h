/* trouble.h - why a call failed, in words for people: kept per thread, beside the negative errno that the call gives. */
#pragma once

/* `return trouble_say(-EINVAL, "%s is no URL", text);` */
int trouble_say(int error, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Of this thread's last failed call of any part of the shop; good until the next. */
const char *trouble_text(void);
