// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "doctor.h"
#include "mnat/cleanup.h"
#include "mnat/maps.h"
#include "mnat/netlink.h"

#define BPF_FS_MAGIC 0xcafe4a11
#define BUILT_AFTER  1735689600 /* 2025-01-01: a clock before that was never set */

/* ---- the data path ---- */

/* The program of ours on a hook: 1, none: 0, or -errno. */
static int has_program(const char *ifname, enum bpf_tc_attach_point point)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = point);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = MNAT_TC_HANDLE,
			    .priority = MNAT_TC_PRIORITY);
	libbpf_print_fn_t print;
	int r;

	hook.ifindex = (int)if_nametoindex(ifname);
	if (!hook.ifindex)
		return -ENODEV;
	print = libbpf_set_print(NULL); /* a hook without a qdisc is no error here */
	r = bpf_tc_query(&hook, &opts);
	libbpf_set_print(print);
	if (!r)
		return 1;
	return r == -EPERM || r == -EACCES ? r : 0;
}

static void check_hook(struct doctor *d, const char *ifname, enum bpf_tc_attach_point point)
{
	int r = has_program(ifname, point);

	if (r == -ENODEV)
		return; /* said elsewhere */
	if (r < 0)
		doctor_say(d, "bpf", FINDING_UNKNOWN, "hooks of %s cannot be seen: use sudo", ifname);
	else if (!r)
		doctor_say(d, "bpf", FINDING_PROBLEM,
			   "the shim is not attached to %s: mnat-load node load attaches it", ifname);
	else
		doctor_say(d, "bpf", FINDING_OK, "the shim is attached to %s", ifname);
}

static void check_version(struct doctor *d, int fd)
{
	struct mnat_abi abi;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, &abi))
		doctor_say(d, "bpf", FINDING_UNKNOWN, "%s/abi cannot be read: %s", d->conf.pin,
			   strerror(errno));
	else if (abi.magic != MNAT_ABI_MAGIC || abi.version != MNAT_ABI_VERSION)
		doctor_say(d, "bpf", FINDING_PROBLEM,
			   "the programs loaded are of another version (%u, this is %d): mnat-load "
			   "node unload and load, when no session is needed",
			   abi.version, MNAT_ABI_VERSION);
}

void doctor_data_path(struct doctor *d)
{
	_cleanup_close_ int fd = -1;
	char path[MNAT_PATH_MAX + 8];
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) || fs.f_type != (__typeof__(fs.f_type))BPF_FS_MAGIC) {
		doctor_say(d, "bpf", FINDING_PROBLEM,
			   "no BPF file system: mount -t bpf bpf /sys/fs/bpf");
		return;
	}
	snprintf(path, sizeof(path), "%s/abi", d->conf.pin);
	fd = bpf_obj_get(path);
	if (fd < 0 && (errno == EPERM || errno == EACCES)) {
		doctor_say(d, "bpf", geteuid() ? FINDING_UNKNOWN : FINDING_PROBLEM, "%s",
			   geteuid() ? "only root can look at BPF: use sudo" :
				       "bpf(2) is refused even to root: a container, or a kernel that "
				       "is locked down; CAP_BPF and CAP_NET_ADMIN are needed");
		return;
	}
	if (fd < 0) {
		doctor_say(d, "bpf", FINDING_PROBLEM,
			   "the data path is not loaded (%s: %s): systemctl start mnat-load-node, or "
			   "mnat-load node load",
			   path, strerror(errno));
		return;
	}
	check_version(d, fd);
	check_hook(d, d->conf.device, BPF_TC_EGRESS);
	for (int i = 0; i < d->conf.n_uplink; i++)
		check_hook(d, d->conf.uplink[i], BPF_TC_INGRESS);
}

/* ---- interfaces ---- */

static bool first_line_with(const char *path, const char *word, char *buf, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	while (f && fgets(buf, (int)size, f))
		if (strstr(buf, word))
			return true;
	return false;
}

/* Who says of itself that it manages the interface; NULL: nobody we know. */
static const char *manager_of(const struct mnat_link *link)
{
	static const char *const pids[][3] = {
		{"/run/dhcpcd/", "-4.pid", "dhcpcd"},
		{"/run/dhcpcd/", ".pid", "dhcpcd"},
		{"/run/dhclient.", ".pid", "dhclient"},
		{"/run/udhcpc.", ".pid", "udhcpc"},
	};
	char path[64 + IF_NAMESIZE], line[256];

	snprintf(path, sizeof(path), "/run/systemd/netif/links/%d", link->index);
	if (first_line_with(path, "ADMIN_STATE=", line, sizeof(line)) &&
	    !strstr(line, "unmanaged") && !strstr(line, "initialized"))
		return "systemd-networkd";
	snprintf(path, sizeof(path), "/run/NetworkManager/devices/%d", link->index);
	if (first_line_with(path, "managed=true", line, sizeof(line)))
		return "NetworkManager";
	for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
		snprintf(path, sizeof(path), "%s%s%s", pids[i][0], link->name, pids[i][1]);
		if (!access(path, F_OK))
			return pids[i][2];
	}
	return NULL;
}

static void check_uplink(struct doctor *d, struct mnl_socket *nl, const char *name)
{
	struct mnat_ifaddr addr;
	struct mnat_link link;
	const char *manager;

	if (mnat_link_get(nl, name, &link)) {
		doctor_say(d, "uplink", FINDING_PROBLEM,
			   "%s does not exist: plug it in, or correct uplinks in %s", name,
			   d->conf_path);
		return;
	}
	manager = manager_of(&link);
	if (manager)
		doctor_say(d, "uplink", FINDING_PROBLEM,
			   "%s is managed by %s: tell it to leave the uplinks alone (mnatc(8), "
			   "OTHER NETWORK MANAGERS)",
			   name, manager);
	else if (mnat_addr_list(nl, link.index, &addr, 1) > 0)
		doctor_say(d, "uplink", FINDING_PROBLEM,
			   "%s has an address of its own, so traffic bypasses MobileNAT: stop what "
			   "configures it, then ip addr flush dev %s",
			   name, name);
	else if (!link.up)
		doctor_say(d, "uplink", FINDING_PROBLEM, "%s is down: ip link set %s up, or rfkill "
			   "unblock all if it is a radio", name, name);
	else
		doctor_say(d, "uplink", FINDING_OK, "%s %s", name,
			   link.carrier ? "has a carrier" : "has no carrier: cable or radio");
}

void doctor_uplinks(struct doctor *d)
{
	_cleanup_(mnat_nl_closep) struct mnl_socket *nl = NULL;
	int r = mnat_nl_open(0, &nl);

	for (int i = 0; !r && i < d->conf.n_uplink; i++)
		check_uplink(d, nl, d->conf.uplink[i]);
}

static int rp_filter(const char *name)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[96];
	int number = -1;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/rp_filter", name);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%d", &number) != 1)
		return -1;
	return number;
}

/* The device of the default route of the lowest metric. */
static bool default_route(char name[IF_NAMESIZE])
{
	_cleanup_fclose_ FILE *f = fopen("/proc/net/route", "re");
	unsigned int dest, mask, metric, best = ~0u;
	char line[256], device[IF_NAMESIZE];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%15s %x %*x %*x %*d %*d %u %x", device, &dest, &metric, &mask) != 4 ||
		    dest || mask || metric >= best)
			continue;
		best = metric;
		memcpy(name, device, IF_NAMESIZE);
	}
	return best != ~0u;
}

static void check_route(struct doctor *d)
{
	int all = rp_filter("all"), own = rp_filter(d->conf.device);
	char name[IF_NAMESIZE] = "";
	bool through = default_route(name) && !strcmp(name, d->conf.device);

	if (d->conf.default_route && *name && !through)
		doctor_say(d, "route", FINDING_PROBLEM,
			   "the default route goes by %s, not by %s: traffic bypasses MobileNAT; "
			   "remove it or give it a higher metric",
			   name, d->conf.device);
	else if (through)
		doctor_say(d, "route", FINDING_OK, "the default route goes by %s", name);
	/* the greater of both counts; 1 is RFC 3704's strict mode */
	if (!through && (all > own ? all : own) == 1)
		doctor_say(d, "rp_filter", FINDING_PROBLEM,
			   "rp_filter is strict on %s, where the default route is not: answers are "
			   "dropped; sysctl net.ipv4.conf.%s.rp_filter=2",
			   d->conf.device, d->conf.device);
}

void doctor_device(struct doctor *d)
{
	_cleanup_(mnat_nl_closep) struct mnl_socket *nl = NULL;
	struct mnat_link link;
	int r = mnat_nl_open(0, &nl);

	if (!r)
		r = mnat_link_get(nl, d->conf.device, &link);
	if (r)
		doctor_say(d, "device", FINDING_PROBLEM, "there is no %s: mnat-load node load makes it",
			   d->conf.device);
	else if (!link.carrier)
		doctor_say(d, "device", FINDING_PROBLEM, "%s is down: ip link set %s up; ip link set "
			   "%s-peer up", d->conf.device, d->conf.device, d->conf.device);
	else if (manager_of(&link))
		doctor_say(d, "device", FINDING_PROBLEM,
			   "%s is managed by %s: tell it to leave it alone (mnatc(8), OTHER NETWORK "
			   "MANAGERS)",
			   d->conf.device, manager_of(&link));
	else
		doctor_say(d, "device", FINDING_OK, "%s, MTU %u", d->conf.device, link.mtu);
	check_route(d);
}

/* ---- clock ---- */

void doctor_clock(struct doctor *d)
{
	struct timex state = {};

	if (time(NULL) < BUILT_AFTER)
		doctor_say(d, "clock", FINDING_PROBLEM,
			   "the clock was never set: tickets of other domains seem not to be valid yet");
	else if (adjtimex(&state) == TIME_ERROR)
		doctor_say(d, "clock", FINDING_UNKNOWN,
			   "nobody says that the clock is right (timedatectl)");
	else
		doctor_say(d, "clock", FINDING_OK, "synchronised");
}
