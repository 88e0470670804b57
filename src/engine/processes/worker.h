/* worker.h - what a worker process does from its first instruction to its last. */
#pragma once

/* In a fresh fork of the zygote, with no descriptor but 0, 1, 2 and this channel; never returns. */
_Noreturn void pn_worker_main(int channel);
