/* timestamps.c - ISO 8601 as files have it: 2024-05-01, 2024-05-01T10:20, 2024-05-01 10:20:30.5+02:00. The parts are those that are
 * written: no zone is applied. */
#include "records/eval/kernels.h"
#include "records/eval/present.h"

enum part { YEAR, MONTH, DAY, HOUR, PARTS };

/* Two digits; -1: they are none. */
static int two(const char *at)
{
    unsigned tens = (unsigned char)at[0] - '0', ones = (unsigned char)at[1] - '0';
    return tens < 10 && ones < 10 ? (int)(tens * 10 + ones) : -1;
}

static int days_of(int year, int month)
{
    static const int8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

/* Z, +hh, +hhmm or +hh:mm, with either sign; or nothing. */
static bool read_zone(const char *at, const char *end)
{
    if (at == end || (end - at == 1 && *at == 'Z'))
        return true;
    if ((*at != '+' && *at != '-') || end - at < 3 || two(at + 1) < 0 || two(at + 1) > 23)
        return false;
    at += 3;
    if (at < end && *at == ':' && end - at == 3)
        at++;
    return at == end || (end - at == 2 && two(at) >= 0 && two(at) < 60);
}

/* [:ss[.digits]][zone] */
static bool read_seconds(const char *at, const char *end)
{
    if (at < end && *at == ':') {
        if (end - at < 3 || two(at + 1) < 0 || two(at + 1) > 60)
            return false;
        at += 3;
        if (at < end && (*at == '.' || *at == ',')) {
            const char *digits = ++at;
            while (at < end && (unsigned char)(*at - '0') < 10)
                at++;
            if (at == digits)
                return false;
        }
    }
    return read_zone(at, end);
}

static bool read_timestamp(const struct text *text, int ret_part[PARTS])
{
    const char *at = text->at, *end = at + text->size;
    if (text->size < 10 || at[4] != '-' || at[7] != '-')
        return false;
    int century = two(at), year = two(at + 2), month = two(at + 5), day = two(at + 8), hour = 0;
    if (century < 0 || year < 0 || month < 1 || month > 12 || day < 1 || day > days_of(century * 100 + year, month))
        return false;
    if (text->size > 10) {
        if (text->size < 16 || (at[10] != 'T' && at[10] != ' ') || at[13] != ':')
            return false;
        hour = two(at + 11);
        if (hour < 0 || hour > 23 || two(at + 14) < 0 || two(at + 14) > 59 || !read_seconds(at + 16, end))
            return false;
    }
    ret_part[YEAR] = century * 100 + year;
    ret_part[MONTH] = month;
    ret_part[DAY] = day;
    ret_part[HOUR] = hour;
    return true;
}

/* Where it stands: the cell itself, where the text lies in the batch; else the row. */
static place place_of_text(const struct work *w, const struct text *text, uint32_t row)
{
    const struct batch *batch = w->batch;
    if (!batch)
        return 0;
    uint64_t at = (uintptr_t)text->at - (uintptr_t)batch->text;      /* far beyond all rows, if it lies elsewhere */
    if (at < batch->row[row] || at >= batch->row[row + 1])
        return work_place(w, row);
    return batch->at + at - (at > batch->row[row] && w->quote && text->at[-1] == w->quote);
}

static int part_of(struct work *w, const struct vec *a, enum part part, struct vec *out)
{
    int parts[PARTS];
    uint32_t bad = 0, first = 0;
    present_all(w->n, &a, 1, out);
    out->kind = VEC_INT;
    out->scale = 0;
    out->most = 9999;
    for (uint32_t i = 0; i < w->n; i++) {
        bool is_one = read_timestamp(&a->t[i], parts);
        out->i[i] = is_one ? parts[part] : 0;
        if (is_one || !vec_has(out, i))
            continue;
        if (bad++ == 0)
            first = i;
        present_drop(w->n, out, i);
    }
    if (bad)
        work_not_a(w, "timestamp", bad, place_of_text(w, &a->t[first], first), a->t[first].at, a->t[first].size);
    return 0;
}

int kernel_year(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return part_of(w, a[0], YEAR, out);
}

int kernel_month(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return part_of(w, a[0], MONTH, out);
}

int kernel_day(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return part_of(w, a[0], DAY, out);
}

int kernel_hour(struct work *w, const struct step *step, const struct vec *const a[], struct vec *out)
{
    (void)step;
    return part_of(w, a[0], HOUR, out);
}
