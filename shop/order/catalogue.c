/* catalogue.c - finding by name, and what a new shop sells. */
#include "order/catalogue.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *sku, const void *product)
{
    return strcmp(sku, ((const struct product *)product)->sku);
}

const struct product *catalogue_find(const struct catalogue *catalogue, const char *sku)
{
    return bsearch(sku, catalogue->products, catalogue->n, sizeof *catalogue->products, compare);
}

const struct catalogue *catalogue_demo(void)
{
#define SHIRT(COLOUR, Colour, SIZE) \
    { .sku = "TSHIRT-" COLOUR "-" SIZE, .name = "T-shirt", .colour = Colour, .size = SIZE, .price_cents = 1990, .stock = UNLIMITED }
#define SHIRTS(COLOUR, Colour) SHIRT(COLOUR, Colour, "L"), SHIRT(COLOUR, Colour, "M"), SHIRT(COLOUR, Colour, "S"), SHIRT(COLOUR, Colour, "XL")
    static struct product products[] = { SHIRTS("BLACK", "Black"), SHIRTS("BLUE", "Blue"), SHIRTS("GREEN", "Green"), SHIRTS("RED", "Red") };
    static const struct catalogue catalogue = { .currency = "eur", .n = sizeof products / sizeof products[0], .products = products };
    return &catalogue;
#undef SHIRTS
#undef SHIRT
}
