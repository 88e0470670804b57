/* records.h - the work `records`: two columns of a file of records, divided over the workers, joined, aggregated. */
#pragma once
#include "compare/works/work.h"

extern const struct work records_work;
