/* catalogue.h - what is for sale: known at start, the same while the server runs. How many are left lies in the store. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { SKU_SIZE = 32, PRODUCTS_MAX = 1000, UNLIMITED = -1 };

struct product {
    int64_t id;                 /* the store's */
    char sku[SKU_SIZE];         /* "TSHIRT-RED-M" */
    char name[64];              /* "T-shirt" */
    char colour[16], size[8];   /* "Red", "M"; empty where there are none */
    int64_t price_cents;
    int64_t stock;              /* when it was read; UNLIMITED: as many as are asked for */
};
struct catalogue {
    char currency[4];           /* "eur", as the gateway writes it */
    size_t n;
    struct product *products;   /* sorted by sku */
};

/* NULL: there is none. */
const struct product *catalogue_find(const struct catalogue *catalogue, const char *sku);

/* The shop of a new database: TSHIRT-{RED,BLUE,GREEN,BLACK}-{S,M,L,XL}, 19.90 euros each, unlimited. In static memory. */
const struct catalogue *catalogue_demo(void);
