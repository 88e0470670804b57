/* compare.h - `prong compare`: the same work on every engine, checked to agree, measured, shown. */
#pragma once

/* argv[0] is the command's name. Gives the exit status. */
int compare_main(int argc, char *const argv[]);
