// SPDX-License-Identifier: GPL-2.0-only
/* The DHCP server's configuration: refused with an error, or one that can be served by. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conf.h"
#include "lease.h"
#include "quiet.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	be_quiet();
	return 0;
}

/* What conf_check() promises. */
static void check(const struct conf *conf)
{
	struct leases leases;

	require(conf->n_interfaces && conf->n_subnets && conf->server_id.s_addr);
	for (size_t i = 0; i < conf->n_subnets; i++) {
		const struct subnet_conf *subnet = &conf->subnets[i];

		require(subnet->prefix.first <= subnet->prefix.last);
		require(!i || subnet[-1].prefix.last < subnet->prefix.first);
		for (size_t j = 0; j < subnet->pools.n; j++)
			require(subnet->pools.range[j].first >= subnet->prefix.first &&
				subnet->pools.range[j].last <= subnet->prefix.last);
	}
	if (leases_init(&leases, conf))
		return; /* a pool of 2^32 addresses */
	leases_done(&leases);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf = NULL;
	char path[32];
	int fd = memfd_create("conf", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!conf_load(path, &conf)) {
		check(conf);
		conf_free(conf);
	}
	close(fd);
	return 0;
}
