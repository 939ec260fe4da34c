/* SPDX-License-Identifier: GPL-2.0-only */
/* The gateway's maps without its programs, for tests that are root's; skipped else. */
#ifndef MIDCOM_MAPS_TEST_H
#define MIDCOM_MAPS_TEST_H

#include "mnat/maps.h"

#define TEST_ANCHORS 8
#define TEST_BIB     600
#define TEST_HOSTS   8 /* mobile ones, as in arrays_test.h */

/* hosts and actuals are not among them: arrays_test.h has those. */
struct mnat_gateway *test_maps_open(void);
void test_maps_close(void);

#endif
