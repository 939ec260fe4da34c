/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DHCPD_STORE_H
#define DHCPD_STORE_H

#include "mnat/store.h"

/* One SQLite file; beside it FILE.lock, held while the server runs. */
extern const struct mnat_store_ops store_sqlite;

#endif
