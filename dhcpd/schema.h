/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tables of the database, by versions. A step once released is never changed; a
 * change of a table is a further step. schema_version has one row, the version.
 */
#ifndef DHCPD_SCHEMA_H
#define DHCPD_SCHEMA_H

#include <sqlite3.h>

/*
 * Bring db to our version, in one transaction: an empty file gets all tables, one of an
 * earlier version what it lacks. -EPROTONOSUPPORT: it is of a later one; nothing is
 * changed. 0 or -errno, logged.
 */
int schema_upgrade(sqlite3 *db);

#endif
