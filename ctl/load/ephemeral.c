// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports of the pool that the gateway's own connections might take: the kernel and we give out
 * ports without asking one another. It leaves alone what net.ipv4.ip_local_reserved_ports
 * names.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>

#include "load.h"
#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define N_PORTS 65536
#define SYSCTL_PATH "/proc/sys/net/ipv4/"

static bool is_local(const struct ifaddrs *list, const struct mnat_external *external)
{
	for (const struct ifaddrs *a = list; a; a = a->ifa_next) {
		uint32_t address;

		if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET)
			continue;
		address = ntohl(((const struct sockaddr_in *)a->ifa_addr)->sin_addr.s_addr);
		if (address >= external->first && address <= external->last)
			return true;
	}
	return false;
}

/* "7,100-200": those ports are no longer taken. */
static void leave_out_reserved(bool taken[N_PORTS])
{
	_cleanup_fclose_ FILE *f = fopen(SYSCTL_PATH "ip_local_reserved_ports", "re");
	unsigned int first, last;
	int n;

	while (f && (n = fscanf(f, "%u-%u", &first, &last)) >= 1) {
		for (unsigned int port = first; port <= (n == 2 ? last : first); port++)
			taken[port % N_PORTS] = false;
		if (fgetc(f) != ',')
			break;
	}
}

static int read_ephemeral(bool taken[N_PORTS])
{
	_cleanup_fclose_ FILE *f = fopen(SYSCTL_PATH "ip_local_port_range", "re");
	unsigned int first, last;

	if (!f || fscanf(f, "%u %u", &first, &last) != 2 || last >= N_PORTS)
		return -EIO;
	for (unsigned int port = first; port <= last; port++)
		taken[port] = true;
	leave_out_reserved(taken);
	return 0;
}

static void warn_of(const struct mnat_external *external, const bool taken[N_PORTS])
{
	char address[MNAT_IP_LEN];

	for (uint32_t port = external->port_first; port <= external->port_last; port++) {
		if (!taken[port])
			continue;
		mnat_ip((struct in_addr){htonl(external->first)}, address);
		log_warn("port %u of %s may be given to a host and to a connection of this "
			 "machine's own at the same time; keep them apart: sysctl -w "
			 "net.ipv4.ip_local_reserved_ports=%u-%u (and what it holds already)",
			 port, address, external->port_first, external->port_last);
		return;
	}
}

void ephemeral_check(const struct mnat_gateway_config *config)
{
	static bool taken[N_PORTS];
	struct ifaddrs *list = NULL;

	if (read_ephemeral(taken) || getifaddrs(&list))
		return;
	for (uint32_t i = 0; i < config->n_external; i++)
		if (is_local(list, &config->external[i]))
			warn_of(&config->external[i], taken);
	freeifaddrs(list);
}
