/* SPDX-License-Identifier: GPL-2.0-only */
/* mnat-dhcpd -d: the running server's configuration beside a file's. */
#ifndef DHCPD_DIFF_H
#define DHCPD_DIFF_H

#include "conf.h"

/* Print the differences. 0: none, 1: some, 2: the server could not be asked (said). */
int diff_with_running(const struct conf *conf);

#endif
