/* key.c - column by column into two words for each row; rows that do not fit are written once more, value by value.
 *
 * The hash multiplies each word by a constant of its own and folds the 128 bits of the product, so that no word can make another one count
 * for nothing, and many keys that begin alike differ in all bits. */
#include "records/aggregate/key.h"

#include <errno.h>

enum { TEXT_MOST = 199, TEXT_LONG, MISSING, FALSE, TRUE, REAL, NUMBER };       /* NUMBER + 16 is the last */

/* Odd, and half of the bits set: digits of pi, e, the golden ratio and the square roots of 2 and 3. */
static const uint64_t salt[] = { 0x243f6a8885a308d3, 0xb7e151628aed2a6b, 0x9e3779b97f4a7c15, 0x6a09e667f3bcc909, 0xbb67ae8584caa73b };

static uint64_t hash_words(uint64_t a, uint64_t b)
{
    uint64_t h = key_fold(a ^ salt[0], salt[1]) ^ key_fold(b ^ salt[2], salt[3]);
    return key_fold(h, salt[4]) + h;
}

static uint64_t hash_bytes(const char *bytes, size_t size)
{
    uint64_t h = size;
    for (; size >= 16; bytes += 16, size -= 16) {
        uint64_t word[2];
        memcpy(word, bytes, sizeof word);
        h = hash_words(word[0] ^ h, word[1]);
    }
    uint64_t word[2] = { 0 };
    memcpy(word, bytes, size);
    return hash_words(word[0] ^ h, word[1]);
}

/* ---- codes ---- */

static inline uwide load_short(const char *at, uint64_t size)
{
    uint64_t low, high;
    if (size >= 8) {
        memcpy(&low, at, 8);
        memcpy(&high, at + size - 8, 8);
        return low | (uwide)high << 8 * (size - 8);
    }
    return __builtin_bswap64(text_rank((struct text){ at, size }));
}

static inline uint32_t code_text(struct text t, uwide *ret_code)
{
    if (t.size >= KEY_SHORT)
        return 0;
    *ret_code = load_short(t.at, t.size) << 8 | t.size;
    return (uint32_t)t.size + 1;
}

static uint32_t code_decimal(wide number, uint8_t scale, uwide *ret_code, uwide *ret_high)
{
    whole_trim(&number, &scale);
    uwide folded = (uwide)(number ^ (number >> 127));
    uint32_t bytes = (uint32_t)whole_bits(folded) / 8 + 1;      /* and the sign */
    uwide mantissa = bytes < 16 ? (uwide)number & (((uwide)1 << 8 * bytes) - 1) : (uwide)number;
    *ret_code = mantissa << 16 | (uwide)scale << 8 | (NUMBER + bytes);
    *ret_high = mantissa >> 112;
    return bytes + 2;
}

static uint32_t code_real(double real, uwide *ret_code, uwide *ret_high)
{
    wide number;
    uint8_t scale;
    uint64_t bits;
    if (whole_of_real(real, &number, &scale))
        return code_decimal(number, scale, ret_code, ret_high);
    memcpy(&bits, &real, sizeof bits);
    *ret_code = (uwide)bits << 8 | REAL;
    *ret_high = 0;
    return 9;
}

/* Of any value but a text. A code is up to 18 bytes: 16, and what is over in ret_high. */
static uint32_t code_cell(const struct input *in, uint32_t row, uwide *ret_code, uwide *ret_high)
{
    *ret_high = 0;
    if (!input_has(in, row)) {
        *ret_code = MISSING;
        return 1;
    }
    if (in->is_truth) {
        *ret_code = in->i[row] ? TRUE : FALSE;
        return 1;
    }
    if (in->kind == VEC_REAL)
        return code_real(in->r[row], ret_code, ret_high);
    return code_decimal(in->kind == VEC_INT ? in->i[row] : in->w[row], in->scale, ret_code, ret_high);
}

/* 0: it is longer than KEY_SHORT. */
static inline uint32_t code_short(const struct input *in, uint32_t row, uwide *ret_code)
{
    if (in->kind == VEC_TEXT && input_has(in, row))
        return code_text(in->t[row], ret_code);
    uwide high;
    uint32_t size = code_cell(in, row, ret_code, &high);
    return size <= KEY_SHORT ? size : 0;
}

static bool write_bytes(struct lane *to, const void *bytes, size_t size)
{
    char *at = lane_more(to, size);
    if (at && size)
        memcpy(at, bytes, size);
    return at || !size;
}

static bool write_code(struct lane *to, const struct input *in, uint32_t row)
{
    if (in->kind != VEC_TEXT || !input_has(in, row)) {
        uwide code[2];
        uint32_t size = code_cell(in, row, &code[0], &code[1]);
        return write_bytes(to, code, size);
    }
    struct text t = in->t[row];
    uint8_t first = t.size <= TEXT_MOST ? (uint8_t)t.size : TEXT_LONG;
    return write_bytes(to, &first, 1) && (first != TEXT_LONG || write_bytes(to, &t.size, sizeof t.size)) && write_bytes(to, t.at, t.size);
}

/* ---- rows ---- */

/* Size 0 marks a row that has become long. */
static void append_short(struct keys *keys, const struct input *in)
{
    for (uint32_t i = 0; i < keys->n; i++) {
        struct key *key = &keys->key[i];
        uwide code, before;
        uint32_t size = key->size ? code_short(in, i, &code) : 0;
        if (!size || size + key->size > KEY_SHORT) {
            key->size = 0;
            continue;
        }
        memcpy(&before, key->word, sizeof before);
        before |= code << 8 * key->size;
        memcpy(key->word, &before, sizeof before);
        key->size += size;
    }
}

static void begin_short(struct keys *keys, const struct input *in)
{
    for (uint32_t i = 0; i < keys->n; i++) {
        uwide code = 0;
        keys->key[i].size = code_short(in, i, &code);
        memcpy(keys->key[i].word, &code, sizeof code);
    }
}

static int write_long(struct keys *keys, const struct input *const in[], uint32_t n_inputs, uint32_t row)
{
    struct key *key = &keys->key[row];
    size_t begin = keys->longs.size;
    for (uint32_t k = 0; k < n_inputs; k++)
        if (!write_code(&keys->longs, in[k], row))
            return -ENOMEM;
    if (keys->longs.size - begin >= UINT32_MAX)
        return -ENOMEM;
    key->size = (uint32_t)(keys->longs.size - begin);
    key->word[0] = begin;
    key->word[1] = hash_bytes(keys->longs.at + begin, key->size);
    return 0;
}

int keys_make(struct keys *keys, const struct input *const in[], uint32_t n_inputs, uint32_t n)
{
    keys->n = n;
    keys->longs.size = 0;
    begin_short(keys, in[0]);
    for (uint32_t k = 1; k < n_inputs; k++)
        append_short(keys, in[k]);
    for (uint32_t i = 0; i < n; i++) {
        struct key *key = &keys->key[i];
        int r = key->size ? 0 : write_long(keys, in, n_inputs, i);
        if (r < 0)
            return r;
        uint64_t hash = key->size <= KEY_SHORT ? hash_words(key->word[0], key->word[1]) : key->word[1];
        key->mark = (uint32_t)(hash >> 32);
    }
    return 0;
}

void keys_fini(struct keys *keys) { lane_free(&keys->longs); }

/* ---- back to values ---- */

static size_t read_text(const char *bytes, size_t size, uint8_t first, struct value *ret_value)
{
    uint64_t n = first;
    size_t head = 1;
    if (first == TEXT_LONG) {
        if (size < 1 + sizeof n)
            return 0;
        memcpy(&n, bytes + 1, sizeof n);
        head += sizeof n;
    }
    if (n > size - head)
        return 0;
    *ret_value = (struct value){ .kind = VALUE_TEXT, .text = { bytes + head, n } };
    return head + n;
}

static size_t read_number(const char *bytes, size_t size, uint32_t n, struct value *ret_value)
{
    if (size < 2 + n || (uint8_t)bytes[1] > SCALE_MAX)
        return 0;
    uwide number = 0;
    memcpy(&number, bytes + 2, n);
    if (n < sizeof number && (uint8_t)bytes[1 + n] >> 7)
        number |= ~(uwide)0 << 8 * n;
    if ((wide)number == WIDE_MIN)
        return 0;
    *ret_value = (struct value){ .kind = VALUE_NUMBER, .scale = (uint8_t)bytes[1], .number = (wide)number };
    return 2 + n;
}

static size_t read_real(const char *bytes, size_t size, struct value *ret_value)
{
    struct value v = { .kind = VALUE_REAL };
    if (size < 1 + sizeof v.real)
        return 0;
    memcpy(&v.real, bytes + 1, sizeof v.real);
    if (v.real - v.real != 0)
        return 0;
    *ret_value = v;
    return 1 + sizeof v.real;
}

size_t key_read(const char *bytes, size_t size, struct value *ret_value)
{
    if (!size)
        return 0;
    uint8_t first = (uint8_t)bytes[0];
    if (first <= TEXT_LONG)
        return read_text(bytes, size, first, ret_value);
    if (first == REAL)
        return read_real(bytes, size, ret_value);
    if (first > NUMBER && first <= NUMBER + 16)
        return read_number(bytes, size, first - NUMBER, ret_value);
    if (first != MISSING && first != FALSE && first != TRUE)
        return 0;
    *ret_value = (struct value){ .kind = first == MISSING ? VALUE_MISSING : VALUE_BOOL, .truth = first == TRUE };
    return 1;
}
