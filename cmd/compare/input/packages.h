/* packages.h - data/packages.csv, inside the program. */
#pragma once

extern const char packages_csv[], packages_csv_end[];
