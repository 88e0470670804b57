/* text.c - UTF-8, card numbers, e-mail addresses. */
#include "order/text.h"

#include "order/request.h"

#include <string.h>

enum { CARD_LEAST = 13, CARD_MOST = 19, GAP_MOST = 3, NAME_MOST = 32, LOCAL_MOST = 64, LABEL_MOST = 63 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ---- UTF-8 --------------------------------------------------------------------------------------------------------------- */

size_t text_character(const char *text, size_t left, uint32_t *ret_character)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    const unsigned char *p = (const unsigned char *)text;
    size_t n = *p < 0x80 ? 1 : *p < 0xc0 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : *p < 0xf8 ? 4 : 0;
    if (n == 0 || n > left)
        return 0;
    uint32_t c = n == 1 ? *p : *p & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    if (c < least[n - 1] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret_character = c;
    return n;
}

bool text_is_utf8(const char *text, size_t size)
{
    uint32_t c;
    for (size_t i = 0, n; i < size; i += n)
        if ((n = text_character(text + i, size - i, &c)) == 0)
            return false;
    return true;
}

/* Those of C0 and C1, separators of lines and paragraphs, and marks that let a text be read otherwise than it is written. */
static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

bool text_is_plain(const char *text, size_t size, bool has_lines)
{
    for (size_t i = 0, n; i < size; i += n) {
        uint32_t c = 0;
        n = text_character(text + i, size - i, &c);
        if (n == 0 || (is_control(c) && !(has_lines && c == '\n')))
            return false;
    }
    return true;
}

bool text_is_name(const char *text, size_t size)
{
    char name[NAME_MOST + 1];
    if (size == 0 || size > NAME_MOST)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_digit(text[i]) && !is_letter(text[i]) && (text[i] == '\0' || !strchr("_-.", text[i])))
            return false;
    memcpy(name, text, size);
    name[size] = '\0';
    return !text_has_card_number(name);
}

/* ---- card numbers -------------------------------------------------------------------------------------------------------- */

/* Bytes of the blank or dash that stands here, as they are typed and as they are pasted; 0: none does. */
static size_t gap_size(const char *text)
{
    uint32_t c = 0;
    size_t n = *text ? text_character(text, strnlen(text, 4), &c) : 0;
    bool is_gap = c == ' ' || c == '-' || c == 0xa0 || (c >= 0x2000 && c <= 0x2015) || c == 0x202f || c == 0x2212;
    return is_gap ? n : 0;
}

/* Past what may lie between two groups of digits; NULL: this is where the number ends. */
static const char *next_group(const char *text)
{
    size_t gaps = 0, n;
    for (; gaps < GAP_MOST && (n = gap_size(text)) > 0; gaps++)
        text += n;
    return gaps > 0 && is_digit(*text) ? text : NULL;
}

/* A card number begins here and ends where a group of digits does. Which digits Luhn's check doubles depends on how many there are:
 * both sums are kept. */
static bool begins_card(const char *text, bool is_token)
{
    unsigned sum[2] = { 0, 0 }, n = 0;
    for (const char *p = text; p && n < CARD_MOST; p = next_group(p)) {
        for (; is_digit(*p) && n < CARD_MOST; p++, n++) {
            unsigned digit = (unsigned)(*p - '0'), twice = digit > 4 ? 2 * digit - 9 : 2 * digit;
            sum[n % 2] += twice;
            sum[1 - n % 2] += digit;
        }
        bool is_end = !is_digit(*p) && !(is_token && is_letter(*p));
        if (is_end && n >= CARD_LEAST && sum[n % 2] % 10 == 0)
            return true;
    }
    return false;
}

/* Cards that pay begin with 2 to 6; times, telephone numbers and the like mostly do not. */
static bool has_card(const char *text, bool is_token)
{
    for (const char *p = text; *p; p++) {
        bool is_first = *p >= '2' && *p <= '6' && (p == text || !(is_digit(p[-1]) || (is_token && is_letter(p[-1]))));
        if (is_first && begins_card(p, is_token))
            return true;
    }
    return false;
}

bool text_has_card_number(const char *text)
{
    return has_card(text, false);
}

bool text_is_card_token(const char *text)
{
    return has_card(text, true);
}

bool request_key_is_good(const char *key)
{
    size_t n = 0;
    for (; key[n]; n++)
        if (key[n] <= ' ' || key[n] > '~' || n == KEY_MAX)
            return false;
    return n > 0 && !text_is_card_token(key);
}

/* ---- e-mail -------------------------------------------------------------------------------------------------------------- */

static bool is_atom(char c)
{
    return is_digit(c) || is_letter(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_label(const char *text, size_t size)
{
    if (size == 0 || size > LABEL_MOST || text[0] == '-' || text[size - 1] == '-')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_digit(text[i]) && !is_letter(text[i]) && text[i] != '-')
            return false;
    return true;
}

bool text_is_email(const char *text)
{
    const char *at = strchr(text, '@');
    if (!at || at == text || at - text > LOCAL_MOST || strlen(text) > EMAIL_MAX || at[-1] == '.' || *text == '.')
        return false;
    for (const char *p = text; p < at; p++)
        if (!is_atom(*p) && !(*p == '.' && p[1] != '.'))
            return false;
    for (const char *label = at + 1;;) {
        size_t size = strcspn(label, ".");
        if (!is_label(label, size))
            return false;
        if (label[size] == '\0')
            return true;
        label += size + 1;
    }
}
