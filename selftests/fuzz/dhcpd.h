/* SPDX-License-Identifier: GPL-2.0-only */
/* The DHCP server's core with a configuration, a clock that stands and a store that forgets. */
#ifndef FUZZ_DHCPD_H
#define FUZZ_DHCPD_H

#include <string.h>
#include <unistd.h>

#include "../../dhcpd/server.h"
#include "mnat/clock.h"
#include "mnat/log.h"
#include "quiet.h"

static struct conf *conf;
static uint64_t now;

static uint64_t clock_now(void)
{
	return now;
}

static int64_t wall_now(void)
{
	return 1700000000 + (int64_t)(now / MNAT_NS_PER_SEC);
}

static int nothing(struct mnat_store *store)
{
	return 0;
}

static int put(struct mnat_store *store, const struct mnat_lease_record *record)
{
	require(record->client_len || record->state != MNAT_LEASE_BOUND);
	return 0;
}

static int load(struct mnat_store *store,
		int (*each)(const struct mnat_lease_record *record, void *user), void *user)
{
	return 0;
}

static int put_auth(struct mnat_store *store, const struct mnat_auth_record *record)
{
	require(record->client_len);
	return 0;
}

static int load_auth(struct mnat_store *store,
		     int (*each)(const struct mnat_auth_record *record, void *user), void *user)
{
	return 0;
}

static const struct mnat_store_ops store_ops = {.load = load,
						.load_auth = load_auth,
						.begin = nothing,
						.put = put,
						.put_auth = put_auth,
						.commit = nothing};

static inline void configure(const char *text)
{
	char path[] = "/tmp/dhcpd-fuzz-XXXXXX";
	int fd = mkstemp(path);

	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	require(!conf_load(path, &conf));
	unlink(path);
	mnat_log_init("fuzz", MNAT_LOG_ERR);
	mnat_clock_replace(clock_now);
}

#endif
