/* SPDX-License-Identifier: GPL-2.0-only */
/* Certificates for tests, made when they run, in a directory of their own. */
#ifndef UNIT_CERTS_H
#define UNIT_CERTS_H

#include "mnat/tls.h"

struct test_ca;

/* A CA whose files are DIR/NAME.ca.pem and, once something is revoked, DIR/NAME.crl.pem. */
struct test_ca *test_ca_new(const char *dir, const char *name);
void test_ca_free(struct test_ca *ca);

/* DIR/FILE.pem and DIR/FILE.key, valid from now + from to now + to seconds. Returns its serial. */
long test_ca_issue(struct test_ca *ca, const char *file, const char *san, long from, long to);

/* Write the list with this one serial revoked; 0: with none. */
void test_ca_revoke(struct test_ca *ca, long serial);

#endif
