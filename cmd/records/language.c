/* language.c - texts; functions and aggregates come from the tables that the parser reads. */
#include "records/language.h"

#include "records/query/query.h"

static const char expressions[] =
    "Numbers (`3`, `0.15`, `1e6`), texts in `'...'` or `\"...\"` (the quote doubled inside), names of columns; a name that is no plain "
    "word, or is a word of the language, stands in back quotes. From what binds most to what binds least: function calls and "
    "parentheses; `^` (to the right); `-` and `!` before an operand; `* / %`; `+ -`; `== != < <= > >=`, `in (...)`, `not in (...)`, "
    "`is null`, `is not null`; `not`; `&&`; `||`. `=` is `==`, `<>` is `!=`; `and`, `or` and `missing` are words for `&&`, `||` and "
    "`null`.\n"
    "\n"
    "Types follow from the query, never from a sample of the data. A column is a number where a number is needed: in arithmetic, in "
    "sums, compared with a number. Elsewhere it is its text: as a key, in `distinct`, compared with a text, in functions of text. Two "
    "columns that are compared with each other are compared as numbers in rows where both are, else as text. `min`, `max`, `first` and "
    "`last` of a column give a number if all its cells are numbers, else text. A truth is 1 or 0 where a number is needed.\n"
    "\n"
    "Arithmetic on decimals is exact (up to 38 digits) for `+ - *` and `%`, `abs`, `floor`, `ceil`, `round` and whole powers; `/`, "
    "roots and the like give the nearest double. Sums are exact and rounded once, whatever the order: so results do not depend on "
    "engine, workers or how the input is divided. A sum beyond the largest double is the largest double.\n"
    "\n"
    "An empty cell, quoted or not, is a missing value. Missing passes through arithmetic, comparison and functions; `&&` and `||` are "
    "three-valued, as in SQL; a filter that is missing is not true; aggregates pass missing values over. What is undefined (`x/0`, "
    "`sqrt(-1)`, `ln(0)`, more than a double can hold) is missing, and how often that was is told on standard error. `if` works out "
    "both its branches.";

static const char keys[] =
    "Keys are columns or expressions with commas between, each of which may be named: `-g 'country, b=floor(unit_price/5)'`. Keys that "
    "are columns are their texts, so `1` and `1.0` are two; keys that are computed are their values. Missing is a group of its own. "
    "Groups come in the order in which they first appear, unless --sort is given.\n"
    "\n"
    "A result without a name is called by its text. Sorted are numbers before texts, missing values last.";

static const char input[] =
    "CSV as RFC 4180 has it: quotes stand around whole fields and are doubled inside; line ends in quotes belong to the field. Lines "
    "end with LF or CR LF; the last one need not. A byte order mark is passed over. Files that are packed by gzip or zstd are "
    "unpacked, whatever they are called. A word with `*`, `?` or `[` that names no file is a pattern. All files need the same columns, "
    "in the same order.";

static const char odd[] =
    "Errors, with file, line and byte, exit status 4 and no result: a quote inside a field without quotes, or text behind a closing "
    "one; a quote that is never closed; a row with more or fewer fields than the header; text where a number is needed (`NaN` and "
    "`inf` are text); a record of more than 1 GiB; two columns of the same name; a file that changes or shrinks while it is read; gzip "
    "or zstd that is cut short or damaged. Of several the first in the input is told.\n"
    "\n"
    "--lenient goes on, and counts: fields that a short row lacks are missing values; those that a long row has too many are passed "
    "over; text where a number is needed is a missing value. Quotes stay strict.\n"
    "\n"
    "Taken as they are, and counted by --report: blank lines (passed over, unless there is but one column), CR LF, a last line without "
    "an end. Numbers may have a sign, an exponent, blanks around them, and no digit on one side of the point; they have no hexadecimal "
    "form and no separators of thousands. Bytes that are no UTF-8 are bytes like others. Nothing depends on the locale.";

const struct section records_language[] = {
    { "EXPRESSIONS", expressions, NULL },
    { "FUNCTIONS", "`n`, `x`, `y`: numbers; a and b of `least`, `greatest`, `if` and `coalesce`: all of one type.", query_function },
    { "AGGREGATES", "Each takes an expression; missing values do not count. Quantiles are those of the nearest doubles; all else is exact "
      "until it is rounded once.", query_aggregate },
    { "KEYS AND RESULTS", keys, NULL },
    { "INPUT", input, NULL },
    { "ODD INPUT", odd, NULL },
    { 0 }
};
