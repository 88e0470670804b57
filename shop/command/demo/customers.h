/* customers.h - some who order at the same time, over HTTP as anybody does, and watch their order's page until the receipt is sent. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct customer {
    const char *wish;           /* "paid", "slow", "declined" */
    const char *sku;
    int status;                 /* of the answer; 0: none came */
    char state[16];             /* "paid", "declined" */
    double waited_s;            /* for it */
    char receipt[16];           /* "sent", "none", ... */
    int64_t receipt_after_ms;   /* after the answer it was seen to be sent */
};

struct customers_opts {
    const char *url;            /* of the shop */
    uint32_t orders;
    bool (*is_over)(void *arg); /* asked now and then: true ends it */
    void (*told)(const struct customer *customer, void *arg);   /* for each in order, as soon as all before it are done */
    void *arg;
};
/* Any one thread. How many went otherwise than they should; or -errno. */
int customers_run(const struct customers_opts *opts);
