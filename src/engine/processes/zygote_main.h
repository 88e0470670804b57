/* zygote_main.h - the life of the zygote process. */
#pragma once

/* In the process that is to be the zygote: `control` is its end of the control channel, `owner` the pidfd of its owner. Never returns. */
_Noreturn void pn_zygote_be(int control, int owner);
/* The same in a helper (helper.h), as prong_zygote_main; returns only if it cannot. */
int pn_zygote_main(int fd);
