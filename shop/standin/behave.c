/* behave.c - a list of names and percentages. */
#include "standin/behave.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[BEHAVIOURS] = {
    "well", "decline", "slow", "drop", "charge_drop", "hang", "charge_hang", "500", "charge_500", "429", "garbage", "charge_garbage",
    "half", "in_progress",
};

int behave_named(const char *name, size_t size)
{
    for (int i = 0; i < BEHAVIOURS; i++)
        if (strlen(names[i]) == size && memcmp(names[i], name, size) == 0)
            return i;
    return -1;
}

const char *behave_name(enum behaviour behaviour)
{
    return names[behaviour];
}

/* 1 to 3 figures, up to 100. */
static int read_percent(const char *text, size_t size)
{
    if (size == 0 || size > 3 || strspn(text, "0123456789") < size)
        return -1;
    long percent = strtol(text, NULL, 10);
    return percent <= 100 ? (int)percent : -1;
}

int behave_read(const char *text, struct behave *ret_behave)
{
    struct behave behave = { .percent = { 0 } };
    int sum = 0;
    while (*text) {
        size_t size = strcspn(text, ","), word = strcspn(text, ":,");
        int which = behave_named(text, word), percent = word < size ? read_percent(text + word + 1, size - word - 1) : 100;
        if (which < 0 || percent < 0)
            return -EINVAL;
        if (which != BEHAVE_WELL) {
            sum += percent;
            if (sum > 100)
                return -EINVAL;
            behave.percent[which] = (uint8_t)(behave.percent[which] + percent);
        }
        text += size + (text[size] == ',');
    }
    *ret_behave = behave;
    return 0;
}

enum behaviour behave_draw(const struct behave *behave, uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    int at = (int)((*seed >> 33) % 100);
    for (int i = BEHAVE_WELL + 1; i < BEHAVIOURS; i++) {
        at -= behave->percent[i];
        if (at < 0)
            return (enum behaviour)i;
    }
    return BEHAVE_WELL;
}
