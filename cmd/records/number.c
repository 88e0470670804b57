/* number.c - the cells of a column to one vector, in passes: each reads all rows and gives up where a row does not fit.
 *
 * The first pass knows mantissas of 64 bits, each with its own scale, and brings them to one scale at the end: nearly all data stays there.
 * Where the CPU can, block.c reads most cells of up to 8 bytes. Here, such a cell is one word, which ends where the cell ends, with zeros
 * before it: its digits are checked and its point is found in all bytes at once, the point is closed, and three multiplications make a
 * number of eight digits (as in D. Lemire's "Quickly parsing eight digits", 2018). A cell of up to 16 bytes is two words. Others are
 * read by decimal.c. The second pass knows 38 digits, the third doubles. */
#include "records/number.h"

#include "records/block.h"
#include "records/decimal.h"

#include <math.h>
#include <string.h>

#define ALL_BYTES UINT64_C(0x0101010101010101)

/* What all passes know. */
struct column {
    const char *text;
    const uint32_t *begin, *end;
    uint32_t n;
    char quote, point;
    bool is_lenient;
    struct vec *vec;
    uint32_t bad, first_bad;
    uint64_t absent;            /* missing rows of this block; and whether there are any at all: */
    bool has_missing;
    uint64_t scales;            /* bit s: a row that is present has scale s */
    uint8_t most_scale;
    uint8_t scale[BATCH_ROWS];  /* 0 where a row is missing */
};

enum cell { CELL_MISSING, CELL_NUMBER, CELL_BAD };

/* ---- one cell of any form ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void trim(const char **text, const char **end)
{
    while (*text < *end && is_blank(**text))
        ++*text;
    while (*text < *end && is_blank((*end)[-1]))
        --*end;
}

static enum cell read_cell(const char *text, const char *end, char quote, char point, struct decimal *ret_decimal)
{
    if (quote && end - text >= 2 && *text == quote && end[-1] == quote)
        text++, end--;
    trim(&text, &end);
    if (text == end)
        return CELL_MISSING;
    return decimal_read(text, end, point, ret_decimal) ? CELL_NUMBER : CELL_BAD;
}

static enum cell read_row(const struct column *c, uint32_t row, struct decimal *ret_decimal)
{
    return read_cell(c->text + c->begin[row], c->text + c->end[row], c->quote, c->point, ret_decimal);
}

/* True: the job goes on without this cell. */
static bool pass_over(struct column *c, uint32_t row, enum cell cell)
{
    c->absent |= UINT64_C(1) << row % BLOCK_ROWS;
    if (cell == CELL_MISSING)
        return true;
    if (c->bad++ == 0)
        c->first_bad = row;
    return c->is_lenient;
}

/* ---- cells of up to 16 bytes ---- */

static uint64_t word_at(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Bytes 0 to 9 of x, from the lowest on, are the digits of a number. */
static uint64_t number_of(uint64_t x)
{
    x = x * 10 + (x >> 8);
    return ((x & 0x000000ff000000ff) * 0x000f424000000064 + (x >> 16 & 0x000000ff000000ff) * 0x0000271000000001) >> 32;
}

/* The highest bit of each byte that is not 0 to 9. */
static uint64_t no_digits(uint64_t x)
{
    return ((x & ~(0x80 * ALL_BYTES)) + 0x76 * ALL_BYTES) | x;
}

/* Takes the byte that `mark` is the highest bit of out of x: those below move up, a zero comes in. */
static uint64_t closed(uint64_t x, uint64_t mark)
{
    uint64_t below = (mark >> 7) - 1;
    return (x & below) << 8 | (x & ~below & ~(below << 8 | 0xff));
}

struct short_cell {
    int64_t mantissa;
    unsigned scale;
};

/* Of 1 to 8 bytes. False: it is something else. */
static inline bool read_short(const char *end, uint32_t size, char point, struct short_cell *ret_cell)
{
    bool is_negative = end[-(int64_t)size] == '-';
    uint32_t rest = size - is_negative;
    uint64_t keep = -(uint64_t)(rest != 0) << ((64 - 8 * rest) & 63), x = (word_at(end - 8) ^ '0' * ALL_BYTES) & keep;
    uint64_t mark = no_digits(x) & 0x80 * ALL_BYTES;
    unsigned scale = 0;
    if (mark) {
        scale = (unsigned)__builtin_clzll(mark) / 8;
        if ((mark & (mark - 1)) || end[-1 - (int)scale] != point)
            return false;
        x = closed(x, mark);
    }
    int64_t mantissa = (int64_t)number_of(x);
    *ret_cell = (struct short_cell){ is_negative ? -mantissa : mantissa, scale };
    return rest > (mark != 0);
}

/* Of 9 to 16 bytes; there are digits in each such, if there is nothing else than a sign and a point. */
static inline bool read_long(const char *end, uint32_t size, char point, struct short_cell *ret_cell)
{
    bool is_negative = end[-(int64_t)size] == '-';
    uint32_t rest = size - 8 - is_negative;
    uint64_t keep = -(uint64_t)(rest != 0) << ((64 - 8 * rest) & 63);
    uint64_t x = (word_at(end - 16) ^ '0' * ALL_BYTES) & keep, y = word_at(end - 8) ^ '0' * ALL_BYTES;
    uint64_t x_mark = no_digits(x) & 0x80 * ALL_BYTES, y_mark = no_digits(y) & 0x80 * ALL_BYTES, mark = x_mark | y_mark;
    unsigned scale = 0;
    if (mark) {
        scale = (unsigned)__builtin_clzll(mark) / 8 + (x_mark ? 8 : 0);
        if ((x_mark && y_mark) || (mark & (mark - 1)) || end[-1 - (int)scale] != point)
            return false;
        if (y_mark) {
            y = closed(y, y_mark) | x >> 56;
            x <<= 8;
        } else
            x = closed(x, x_mark);
    }
    int64_t mantissa = (int64_t)(number_of(x) * 100000000 + number_of(y));
    *ret_cell = (struct short_cell){ is_negative ? -mantissa : mantissa, scale };
    return true;
}

/* ---- the first pass: 64 bits ---- */

enum pass { PASS_DONE, PASS_BAD, PASS_NO_ROOM };

/* PASS_DONE: the row is read, or passed over. */
static __attribute__((noinline)) enum pass read_int_slowly(struct column *c, uint32_t row)
{
    struct decimal d;
    wide mantissa;
    c->vec->i[row] = 0;
    c->scale[row] = 0;
    enum cell cell = read_row(c, row, &d);
    if (cell != CELL_NUMBER)
        return pass_over(c, row, cell) ? PASS_DONE : PASS_BAD;
    if (!decimal_exact(&d, &mantissa, &c->scale[row]) || (int64_t)mantissa != mantissa)
        return PASS_NO_ROOM;
    c->vec->i[row] = (int64_t)mantissa;
    c->scales |= UINT64_C(1) << c->scale[row];
    return PASS_DONE;
}

static enum pass read_ints_of_block(struct column *c, uint32_t from, uint32_t to)
{
    const char *text = c->text, point = c->point;
    const uint32_t *begin = c->begin, *end = c->end;
    struct block block = { .mantissa = c->vec->i + from, .scale = c->scale + from };
    uint64_t left = block_read(text, begin + from, end + from, to - from, point, &block);
    c->absent = block.empty;
    for (; left; left &= left - 1) {
        struct short_cell cell;
        uint32_t row = from + (uint32_t)__builtin_ctzll(left), size = end[row] - begin[row];
        if ((size - 1 < 8 && read_short(text + end[row], size, point, &cell)) ||
            (size - 9 < 8 && read_long(text + end[row], size, point, &cell))) {
            c->vec->i[row] = cell.mantissa;
            c->scale[row] = (uint8_t)cell.scale;
            block.scales |= UINT64_C(1) << cell.scale;
            continue;
        }
        enum pass pass = read_int_slowly(c, row);
        if (pass != PASS_DONE)
            return pass;
    }
    c->scales |= block.scales;
    return PASS_DONE;
}

/* Rows of one word of `present`, by `read`. */
static enum pass read_blocks(struct column *c, enum pass (*read)(struct column *c, uint32_t from, uint32_t to))
{
    c->bad = 0;
    c->has_missing = false;
    c->scales = 0;
    for (uint32_t from = 0; from < c->n; from += BLOCK_ROWS) {
        uint32_t to = from + BLOCK_ROWS < c->n ? from + BLOCK_ROWS : c->n;
        c->absent = 0;
        enum pass pass = read(c, from, to);
        if (pass != PASS_DONE)
            return pass;
        uint64_t rows = to - from == BLOCK_ROWS ? ~UINT64_C(0) : (UINT64_C(1) << (to - from)) - 1;
        c->vec->present[from / BLOCK_ROWS] = rows & ~c->absent;
        c->has_missing |= c->absent != 0;
    }
    for (uint32_t word = (c->n + BLOCK_ROWS - 1) / BLOCK_ROWS; word < VEC_WORDS; word++)
        c->vec->present[word] = 0;
    c->most_scale = c->scales ? (uint8_t)(63 - __builtin_clzll(c->scales)) : 0;
    return PASS_DONE;
}

static uint64_t from_zero(int64_t i)
{
    return i < 0 ? -(uint64_t)i : (uint64_t)i;
}

static uint64_t most_of(const int64_t *i, uint32_t n)
{
    uint64_t any = 0;       /* all bits that any has: at most twice the largest, and it needs no comparisons */
    for (uint32_t row = 0; row < n; row++)
        any |= from_zero(i[row]);
    return any < UINT64_C(1) << 63 ? any : UINT64_C(1) << 63;
}

static const int64_t tens[19] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
    10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000 };

/* All to the largest scale, in 64 bits. False: they do not fit, and stay as they were. */
static bool rescale_in_64_bits(struct column *c)
{
    int64_t *i = c->vec->i, unused;
    bool overflows = false;
    for (uint32_t row = 0; row < c->n; row++) {
        unsigned more = c->most_scale - c->scale[row];
        overflows |= more > 18 ? i[row] != 0 : __builtin_mul_overflow(i[row], tens[more], &unused);
    }
    if (overflows)
        return false;
    for (uint32_t row = 0; row < c->n; row++) {
        unsigned more = c->most_scale - c->scale[row];
        i[row] *= tens[more > 18 ? 0 : more];
    }
    return true;
}

static bool rescale(wide *w, unsigned more)
{
    wide_u limit = decimal_power(WIDE_DIGITS - more);
    if (*w >= (wide)limit || *w <= -(wide)limit)
        return false;
    *w *= (wide)decimal_power(more);
    return true;
}

/* The same, in 38 digits, from the last on: wide numbers take the place of the others. False: they do not fit, and are lost. */
static bool rescale_as_wide(struct column *c)
{
    const int64_t *i = c->vec->i;
    wide *w = c->vec->w;
    for (uint32_t row = c->n; row-- > 0;) {
        wide number = i[row];
        if (!rescale(&number, c->most_scale - c->scale[row]))
            return false;
        w[row] = number;
    }
    c->vec->kind = VEC_WIDE;
    return true;
}

static enum pass read_ints(struct column *c)
{
    c->vec->kind = VEC_INT;
    enum pass pass = read_blocks(c, read_ints_of_block);
    if (pass == PASS_DONE && (c->scales & (c->scales - 1)) && !rescale_in_64_bits(c) && !rescale_as_wide(c))
        pass = PASS_NO_ROOM;
    if (pass == PASS_DONE && c->vec->kind == VEC_INT)
        c->vec->most = most_of(c->vec->i, c->n);
    return pass;
}

/* ---- the second and the third pass ---- */

static enum pass read_wides_of_block(struct column *c, uint32_t from, uint32_t to)
{
    for (uint32_t row = from; row < to; row++) {
        struct decimal d;
        c->vec->w[row] = 0;
        c->scale[row] = 0;
        enum cell cell = read_row(c, row, &d);
        if (cell != CELL_NUMBER) {
            if (!pass_over(c, row, cell))
                return PASS_BAD;
            continue;
        }
        if (!decimal_exact(&d, &c->vec->w[row], &c->scale[row]))
            return PASS_NO_ROOM;
        c->scales |= UINT64_C(1) << c->scale[row];
    }
    return PASS_DONE;
}

static enum pass read_wides(struct column *c)
{
    c->vec->kind = VEC_WIDE;
    enum pass pass = read_blocks(c, read_wides_of_block);
    for (uint32_t row = 0; pass == PASS_DONE && row < c->n; row++)
        if (!rescale(&c->vec->w[row], c->most_scale - c->scale[row]))
            pass = PASS_NO_ROOM;
    return pass;
}

static enum pass read_reals_of_block(struct column *c, uint32_t from, uint32_t to)
{
    for (uint32_t row = from; row < to; row++) {
        struct decimal d;
        enum cell cell = read_row(c, row, &d);
        double real = cell == CELL_NUMBER ? decimal_real(&d) : 0;
        if (!isfinite(real))
            cell = CELL_BAD;
        c->vec->r[row] = cell == CELL_NUMBER ? real : 0;
        if (cell != CELL_NUMBER && !pass_over(c, row, cell))
            return PASS_BAD;
    }
    return PASS_DONE;
}

static enum pass read_reals(struct column *c)
{
    c->vec->kind = VEC_REAL;
    return read_blocks(c, read_reals_of_block);
}

uint32_t number_column(const char *text, const uint32_t *begin, const uint32_t *end, uint32_t n, char quote, char point, bool is_lenient,
                       struct vec *ret_vec, uint32_t *ret_bad, uint32_t *ret_first_bad)
{
    struct column c = { .text = text, .begin = begin, .end = end, .n = n, .quote = quote, .point = point, .is_lenient = is_lenient,
                        .vec = ret_vec };
    enum pass pass = read_ints(&c);
    if (pass == PASS_NO_ROOM)
        pass = read_wides(&c);
    if (pass == PASS_NO_ROOM)
        pass = read_reals(&c);
    if (pass == PASS_BAD)
        return c.first_bad;
    ret_vec->scale = c.most_scale;
    ret_vec->has_missing = c.has_missing;
    ret_vec->is_constant = false;
    if (is_lenient) {
        *ret_bad = c.bad;
        *ret_first_bad = c.first_bad;
    }
    return n;
}

/* ---- single numbers ---- */

bool number_read(const char *text, size_t size, char point, struct value *ret_value)
{
    struct decimal d;
    struct value value = { .kind = VALUE_NUMBER };
    if (read_cell(text, text + size, '"', point, &d) != CELL_NUMBER)
        return false;
    if (!decimal_exact(&d, &value.number, &value.scale)) {
        value.kind = VALUE_REAL;
        value.real = decimal_real(&d);
        if (!isfinite(value.real))
            return false;
    }
    *ret_value = value;
    return true;
}

double number_real(wide mantissa, uint8_t scale)
{
    const wide exact = (wide)1 << 53;
    if (mantissa >= -exact && mantissa <= exact && scale <= 22)
        return (double)(int64_t)mantissa / decimal_tens[scale];
    struct decimal d = { .is_negative = mantissa < 0, .exponent = -(int64_t)scale };
    d.mantissa = mantissa < 0 ? -(wide_u)mantissa : (wide_u)mantissa;
    return decimal_real(&d);
}

/* ---- to text ---- */

static char *write_64(uint64_t number, int least_digits, char *out)
{
    char digits[20], *first = digits + sizeof digits;
    for (; number || least_digits > 0; number /= 10, least_digits--)
        *--first = (char)('0' + (int)(number % 10));
    size_t size = (size_t)(digits + sizeof digits - first);
    memcpy(out, first, size);
    return out + size;
}

/* In halves of 19 digits, as division in 128 bits is slow. */
static char *write_whole(wide_u number, char *out)
{
    const uint64_t half = 10000000000000000000u;
    if (number < half)
        return write_64((uint64_t)number, 1, out);
    out = write_whole(number / half, out);
    return write_64((uint64_t)(number % half), 19, out);
}

/* number * 10^exponent, all digits; the exponent is at most 17. */
static char *write_plainly(wide_u number, int exponent, char *out)
{
    char digits[64];
    char *end = write_whole(number, digits);
    for (; exponent < 0 && end > digits + 1 && end[-1] == '0'; exponent++)
        end--;
    for (; exponent > 0 && number > 0; exponent--)
        *end++ = '0';
    int size = (int)(end - digits), before = number > 0 ? size + exponent : size;
    if (before <= 0) {
        *out++ = '0';
        *out++ = '.';
        memset(out, '0', (size_t)-before);
        out += -before;
        before = 0;
    } else {
        memcpy(out, digits, (size_t)before);
        out += before;
    }
    if (before > 0 && before < size)
        *out++ = '.';
    memcpy(out, digits + before, (size_t)(size - before));
    return out + (size - before);
}

static char *write_real(double real, char *out)
{
    int exponent;
    uint64_t digits = decimal_shortest(real, &exponent);
    for (; digits % 10 == 0; exponent++)
        digits /= 10;
    if (real >= 1e-5 && real < 1e17)
        return write_plainly(digits, exponent, out);
    char text[24];
    int size = (int)(write_whole(digits, text) - text);
    out = write_plainly(digits, 1 - size, out);
    exponent += size - 1;
    *out++ = 'e';
    if (exponent < 0)
        *out++ = '-';
    return write_whole((wide_u)(exponent < 0 ? -exponent : exponent), out);
}

size_t number_write(const struct value *value, char buf[NUMBER_TEXT])
{
    char *out = buf;
    if (value->kind == VALUE_NUMBER) {
        if (value->number < 0)
            *out++ = '-';
        out = write_plainly(value->number < 0 ? -(wide_u)value->number : (wide_u)value->number, -(int)value->scale, out);
    } else if (value->kind == VALUE_REAL && isfinite(value->real)) {
        if (value->real < 0)
            *out++ = '-';
        out = value->real == 0 ? write_whole(0, out) : write_real(fabs(value->real), out);
    }
    return (size_t)(out - buf);
}
