/* mime.c - what is not plain goes in base64 where headers are (libsodium's), in quoted-printable elsewhere. */
#include "mail/mime.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

enum {
    WORD_BYTES = 45,            /* in one encoded word: 60 of base64 and 12 around them are less than RFC 2047's 75 */
    QUOTED_MAX = 60,            /* longer names are folded, and so encoded */
    LINE_MAX_QP = 75            /* and the "=" of a soft break: RFC 2045's 76 */
};

/* ---- UTF-8 --------------------------------------------------------------------------------------------------------------- */

/* Bytes of the character that begins here, *ret_code what it is; 0: none does. */
static size_t read_character(const char *text, uint32_t *ret_code)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };     /* longer than needed is forbidden */
    const uint8_t *at = (const uint8_t *)text;
    size_t n = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : 0;
    uint32_t code = n < 2 ? at[0] : at[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {        /* the NUL ends this, too */
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    if (n == 0 || code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
        return 0;
    *ret_code = code;
    return n;
}

static bool hides_something(uint32_t code, bool lines)
{
    if (code == '\n')
        return !lines;
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* Bytes of the clean character that begins here; 0: none. */
static size_t clean_character(const char *text, bool lines)
{
    uint32_t code;
    size_t n = read_character(text, &code);
    return n > 0 && !hides_something(code, lines) ? n : 0;
}

bool mime_is_clean(const char *text, bool lines)
{
    while (*text) {
        size_t n = clean_character(text, lines);
        if (n == 0)
            return false;
        text += n;
    }
    return true;
}

void mime_clean(char *text, bool lines)
{
    while (*text) {
        size_t n = clean_character(text, lines);
        if (n == 0)
            *text = '?';
        text += n ? n : 1;
    }
}

/* ---- headers ------------------------------------------------------------------------------------------------------------- */

static bool is_ascii(const char *text)
{
    while (*text)
        if ((uint8_t)*text++ >= 0x80)
            return false;
    return true;
}

static void put_encoded_words(FILE *to, const char *text)
{
    char base64[sodium_base64_ENCODED_LEN(WORD_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    for (bool first = true; *text; first = false) {
        size_t n = 0, more;
        uint32_t code;
        while ((more = text[n] ? read_character(text + n, &code) : 0) > 0 && n + more <= WORD_BYTES)    /* whole characters in each */
            n += more;
        if (n == 0)
            break;      /* it was not clean */
        sodium_bin2base64(base64, sizeof base64, (const uint8_t *)text, n, sodium_base64_VARIANT_ORIGINAL);
        fprintf(to, "%s=?utf-8?B?%s?=", first ? "" : "\r\n ", base64);
        text += n;
    }
}

void mime_put_words(FILE *to, const char *text)
{
    if (is_ascii(text) && strlen(text) <= QUOTED_MAX && !strstr(text, "=?"))
        fputs(text, to);
    else
        put_encoded_words(to, text);
}

void mime_put_phrase(FILE *to, const char *text)
{
    if (!is_ascii(text) || strlen(text) > QUOTED_MAX || strstr(text, "=?")) {
        put_encoded_words(to, text);
        return;
    }
    putc('"', to);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', to);
        putc(*text, to);
    }
    putc('"', to);
}

/* ---- bodies -------------------------------------------------------------------------------------------------------------- */

void mime_put_quoted_printable(FILE *to, const char *text, size_t size)
{
    size_t column = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = (uint8_t)text[i];
        if (c == '\n') {
            fputs("\r\n", to);
            column = 0;
            continue;
        }
        bool ends = i + 1 == size || text[i + 1] == '\n';       /* a blank there would get lost on the way */
        bool plain = c > ' ' && c < 0x7f && c != '=';
        plain = plain || (c == ' ' && !ends);
        if (column + (plain ? 1 : 3) > LINE_MAX_QP) {
            fputs("=\r\n", to);
            column = 0;
        }
        if (plain)
            putc(c, to);
        else
            fprintf(to, "=%02X", c);
        column += plain ? 1 : 3;
    }
    if (column > 0)
        fputs("\r\n", to);
}

/* ---- addresses ----------------------------------------------------------------------------------------------------------- */

bool mime_is_address(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    const char *at = strchr(text, '@');
    size_t local = at ? (size_t)(at - text) : 0;
    return local > 0 && *text != '.' && at[-1] != '.' && strlen(text) <= 254 &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~.") == local &&
           at[1] != '\0' && at[1] != '.' && at[1] != '-' && strspn(at + 1, letters) == strlen(at + 1);
}
