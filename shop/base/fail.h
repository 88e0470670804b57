/* fail.h - named points at which a test has the server killed, as if by kill -9.
 *
 * The environment variable PRONG_SHOP_FAIL_AT=NAME[:N] kills this process when it comes to the point NAME for the N-th time (N from 1;
 * default 1). The points, in the order of an order's way:
 *   before-intent  after-intent  after-charge  before-paid  after-paid  before-answer  after-answer
 *   after-lease  before-handed  after-handed  before-dot (directory: before-rename)  after-delivery  after-sent
 * What they are next to is said where they are. Any thread. */
#pragma once

void fail_init(void);                   /* once, first: reads the environment; says on standard error what will happen */
void fail_point(const char *name);      /* costs a load where nothing was asked for */
