// SPDX-License-Identifier: GPL-2.0-only
#include "xdp.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "mnat/xdp.h"

static bool is_veth(const char *ifname)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&info };

	strncpy(request.ifr_name, ifname, sizeof(request.ifr_name) - 1);
	return fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request) && !strcmp(info.driver, "veth");
}

static void hint_veth(const char *ifname)
{
	log_info("%s: XDP on a veth device needs XDP or GRO on its peer (ethtool -K PEER gro on), "
		   "and transmit checksums off on both ends (ethtool -K DEVICE tx off) for TCP; bulk "
		   "TCP is 3 to 4 times slower than with TC",
		   ifname);
}

static int choose(enum mnat_gateway_mode mode, struct xdp_port *port)
{
	struct mnat_xdp_state now;
	int r = mnat_xdp_query((int)if_nametoindex(port->ifname), &now);

	port->wanted = false;
	if (mode == MNAT_GATEWAY_TC)
		return 0;
	if (!r && now.prog_id && !now.ours) {
		if (mode == MNAT_GATEWAY_XDP) {
			log_err("%s carries another's XDP program (id %u; bpftool prog show id %u): "
				"detach it, or choose mode = \"auto\"",
				port->ifname, now.prog_id, now.prog_id);
			return -EBUSY;
		}
		log_warn("%s: mode tc, it carries another's XDP program (id %u)", port->ifname,
			   now.prog_id);
		return 0;
	}
	if (!is_veth(port->ifname)) {
		port->wanted = true;
	} else if (mode == MNAT_GATEWAY_XDP) {
		port->wanted = true;
		hint_veth(port->ifname);
	} else {
		log_info("%s: mode tc, on a veth device XDP is for small packets only (--mode xdp)",
			 port->ifname);
	}
	return 0;
}

int xdp_choose(struct plan *plan)
{
	for (int i = 0; i < plan->n_xdp_ports; i++) {
		int r = choose(plan->mode, &plan->xdp_ports[i]);

		if (r)
			return r;
	}
	return 0;
}

bool xdp_wanted(const struct plan *plan)
{
	for (int i = 0; i < plan->n_xdp_ports; i++)
		if (plan->xdp_ports[i].wanted)
			return true;
	return false;
}

static void link_path(char path[MNAT_PATH_MAX + 64], const char *pin, const char *ifname)
{
	snprintf(path, MNAT_PATH_MAX + 64, "%s/link/%s", pin, ifname);
}

/* The program in place of the one on the interface's link. False: there is no such link. */
static bool replace(const char *pin, struct xdp_port *port, enum mnat_gateway_mode mode,
		    int prog_fd)
{
	struct bpf_link_info info = {};
	struct mnat_xdp_state now;
	uint32_t len = sizeof(info);
	_cleanup_close_ int fd = -1;
	char path[MNAT_PATH_MAX + 64];

	link_path(path, pin, port->ifname);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) &&
	    info.xdp.ifindex == if_nametoindex(port->ifname) &&
	    !mnat_xdp_query((int)info.xdp.ifindex, &now) && now.ours &&
	    (now.native || mode == MNAT_GATEWAY_XDP) && !bpf_link_update(fd, prog_fd, NULL)) {
		port->native = now.native;
		return true;
	}
	bpf_link_detach(fd);
	unlink(path);
	return false;
}

static int attach_new(const char *pin, struct xdp_port *port, int prog_fd, bool native)
{
	DECLARE_LIBBPF_OPTS(bpf_link_create_opts, opts,
			    .flags = native ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
	char path[MNAT_PATH_MAX + 64];
	_cleanup_close_ int fd =
		bpf_link_create(prog_fd, (int)if_nametoindex(port->ifname), BPF_XDP, &opts);

	if (fd < 0)
		return -errno;
	link_path(path, pin, port->ifname);
	if (bpf_obj_pin(fd, path))
		return -errno;
	port->native = native;
	return 0;
}

static int attach_port(const struct plan *plan, struct xdp_port *port)
{
	const struct bpf_program *program = plan_program(plan, port->program);
	int fd = program ? bpf_program__fd(program) : -ENOENT, r;

	if (fd < 0)
		return fd;
	if (replace(plan->pin, port, plan->mode, fd))
		return 0;
	r = attach_new(plan->pin, port, fd, true);
	if (!r)
		return 0;
	if (plan->mode == MNAT_GATEWAY_AUTO) {
		log_warn("%s: mode tc, its driver refuses native XDP: %s", port->ifname,
			   strerror(-r));
		port->wanted = false;
		return 0;
	}
	log_warn("%s: its driver refuses native XDP (%s): generic XDP, which is slower than TC for "
		 "most traffic",
		 port->ifname, strerror(-r));
	r = attach_new(plan->pin, port, fd, false);
	if (r)
		log_err("%s: cannot attach %s: %s", port->ifname, port->program, strerror(-r));
	return r;
}

/*
 * Tell the programs where they may send. A driver that has no XDP of its own drops what
 * native XDP elsewhere sends to it; generic XDP can send to any.
 */
static int open_ports(const struct plan *plan)
{
	const struct bpf_map *map = plan_map(plan, "xdp_ports");
	bool native = false;

	for (int i = 0; i < plan->n_xdp_ports; i++)
		native |= plan->xdp_ports[i].wanted && plan->xdp_ports[i].native;
	for (int i = 0; map && i < plan->n_xdp_ports; i++) {
		const struct xdp_port *port = &plan->xdp_ports[i];
		uint32_t index = if_nametoindex(port->ifname);
		int fd = bpf_map__fd(map), r;

		r = port->wanted && port->native == native ?
			    bpf_map_update_elem(fd, &index, &index, BPF_ANY) :
			    bpf_map_delete_elem(fd, &index);
		if (r && errno != ENOENT) {
			log_err("%s: cannot write map xdp_ports: %m", port->ifname);
			return -errno;
		}
	}
	return 0;
}

int xdp_attach(struct plan *plan)
{
	char path[MNAT_PATH_MAX + 64];
	int r = 0;

	link_path(path, plan->pin, "");
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	for (int i = 0; !r && i < plan->n_xdp_ports; i++)
		if (plan->xdp_ports[i].wanted)
			r = attach_port(plan, &plan->xdp_ports[i]);
	return r ? r : open_ports(plan);
}

static bool is_planned(const struct plan *plan, const char *ifname)
{
	for (int i = 0; plan && i < plan->n_xdp_ports; i++)
		if (plan->xdp_ports[i].wanted && !strcmp(plan->xdp_ports[i].ifname, ifname))
			return true;
	return false;
}

static void detach(const char *pin, const char *ifname)
{
	char path[MNAT_PATH_MAX + 64];
	_cleanup_close_ int fd = -1;

	link_path(path, pin, ifname);
	fd = bpf_obj_get(path);
	if (fd >= 0)
		bpf_link_detach(fd);
	unlink(path);
	log_info("%s: detached from XDP", ifname);
}

int xdp_detach_others(const char *pin, const struct plan *plan)
{
	char path[MNAT_PATH_MAX + 64];
	struct dirent *entry;
	DIR *d;

	link_path(path, pin, "");
	d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(d)))
		if (entry->d_type != DT_DIR && !is_planned(plan, entry->d_name))
			detach(pin, entry->d_name);
	closedir(d);
	return 0;
}
