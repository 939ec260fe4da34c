/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces, asked for by a socket that is opened once: later we may open none. */
#ifndef DHCPD_LINKS_H
#define DHCPD_LINKS_H

#include <stdbool.h>

bool link_exists(const char *name);

#endif
