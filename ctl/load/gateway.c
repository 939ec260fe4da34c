// SPDX-License-Identifier: GPL-2.0-only
/* The gateway's part of mnat-load: sizes, constants, hooks, forwarding. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "load.h"
#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"
#include "mnat/maps.h"
#include "mnat/netlink.h"
#include "xdp.h"

#include "gateway.skel.h" /* need abi.h before them */
#include "gateway_xdp.skel.h"

static struct gateway *tc;
static struct gateway_xdp *xdp;

static void plan_xdp(struct plan *plan, const char *ifname, const char *program)
{
	struct xdp_port *port = &plan->xdp_ports[plan->n_xdp_ports++];

	snprintf(port->ifname, sizeof(port->ifname), "%s", ifname);
	port->program = program;
}

static int configure(const char *path, struct plan *plan)
{
	struct mnat_gateway_conf *conf = &plan->gateway;
	int r = mnat_gateway_conf_load(path, conf);

	if (r)
		return r;
	memcpy(plan->pin, conf->pin, sizeof(plan->pin));
	plan->mode = conf->mode;
	for (int i = 0; i < conf->n_inside_if; i++) {
		plan_attach(plan, conf->inside_if[i], BPF_TC_INGRESS, "gw_inside");
		plan_xdp(plan, conf->inside_if[i], "gw_inside_xdp");
	}
	for (int i = 0; i < conf->n_outside_if; i++) {
		plan_xdp(plan, conf->outside_if[i], "gw_outside_xdp");
		plan_attach(plan, conf->outside_if[i], BPF_TC_INGRESS, "gw_outside");
		plan_attach(plan, conf->outside_if[i], BPF_TC_EGRESS, "gw_guard");
	}
	plan->config = &conf->bpf;
	return 0;
}

static void set_sizes(struct gateway *skel, const struct mnat_gateway_conf *conf)
{
	uint32_t n_hosts = conf->bpf.n_actuals + conf->max_hosts + 1;
	uint32_t n_bindings = mnat_bindings_size(&conf->bpf);
	/* sessions that go to another gateway in a way of their own; more of them use the tunnel */
	uint32_t n_elsewhere = conf->max_sessions / 4 + 1;

	bpf_map__set_max_entries(skel->maps.hosts, n_hosts);
	bpf_map__set_max_entries(skel->maps.host_info, n_hosts);
	bpf_map__set_max_entries(skel->maps.actuals, conf->bpf.n_actuals);
	bpf_map__set_max_entries(skel->maps.virtuals, conf->max_hosts + MNAT_MAX_SHARED);
	bpf_map__set_max_entries(skel->maps.bindings, n_bindings);
	bpf_map__set_max_entries(skel->maps.blocks, conf->bpf.n_blocks);
	bpf_map__set_max_entries(skel->maps.host_use, n_hosts);
	bpf_map__set_max_entries(skel->maps.host_traffic, conf->bpf.accounting ? n_hosts : 1);
	bpf_map__set_max_entries(skel->maps.bib,
				 n_bindings < conf->max_sessions ? n_bindings :
								   conf->max_sessions);
	bpf_map__set_max_entries(skel->maps.sessions, conf->bpf.n_buckets * MNAT_BUCKET_SLOTS);
	bpf_map__set_max_entries(skel->maps.session_tags, conf->bpf.n_buckets);
	if (conf->bpf.filtering == MNAT_FILTERING_ADDRESS)
		bpf_map__set_max_entries(skel->maps.permits, conf->max_sessions);
	bpf_map__set_max_entries(skel->maps.anchors, conf->max_anchors + 1);
	bpf_map__set_max_entries(skel->maps.defaults, n_hosts);
	bpf_map__set_max_entries(skel->maps.elsewhere, n_elsewhere);
	bpf_map__set_max_entries(skel->maps.relays, n_elsewhere);
	bpf_map__set_max_entries(skel->maps.arrivals, 2 * conf->max_anchors + n_elsewhere);
}

/* They share their maps: one that is of placeholder size in the second takes the first's. */
static void copy_sizes(const struct bpf_object *from, struct bpf_object *to)
{
	struct bpf_map *map;
	const struct bpf_map *other;

	bpf_object__for_each_map(map, to) {
		other = bpf_object__find_map_by_name(from, bpf_map__name(map));
		if (other && !bpf_map__is_internal(map))
			bpf_map__set_max_entries(map, bpf_map__max_entries(other));
	}
}

/* The table's seed: of the maps that are there, or a new one for new maps. */
static void choose_seed(const char *pin, struct mnat_gateway_config *config)
{
	struct mnat_gateway_config was;
	struct bpf_map_info info = {};
	uint32_t zero = 0, len = sizeof(info);
	_cleanup_close_ int fd = -1;
	char path[MNAT_PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/config", pin);
	fd = bpf_obj_get(path);
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	    info.value_size == sizeof(was) && !bpf_map_lookup_elem(fd, &zero, &was) &&
	    was.session_seed)
		config->session_seed = was.session_seed;
	else if (getrandom(&config->session_seed, sizeof(config->session_seed), 0) < 0)
		config->session_seed = mnat_clock_now();
}

static void close_object(void)
{
	gateway__destroy(tc);
	gateway_xdp__destroy(xdp);
}

static int open_object(struct plan *plan)
{
	struct mnat_gateway_conf *conf = &plan->gateway;

	choose_seed(plan->pin, &conf->bpf);
	tc = gateway__open();
	xdp = gateway_xdp__open();
	if (!tc || !xdp) {
		log_err("cannot open the gateway's BPF objects: %m");
		close_object();
		return -ENOMEM;
	}
	memcpy((void *)&tc->rodata->cfg, &conf->bpf, sizeof(conf->bpf));
	memcpy((void *)&xdp->rodata->cfg, &conf->bpf, sizeof(conf->bpf));
	set_sizes(tc, conf);
	copy_sizes(tc->obj, xdp->obj);
	plan->objects[0] = tc->obj;
	plan->objects[1] = xdp->obj;
	plan->n_objects = xdp_wanted(plan) ? 2 : 1;
	return 0;
}

/* Whether next hops may be remembered; mnat-midcomd keeps it right from then on. */
static int prime(const struct plan *plan)
{
	_cleanup_(mnat_nl_closep) struct mnl_socket *nl = NULL;
	uint64_t state = 0;
	uint32_t zero = 0;
	int r = mnat_nl_open(0, &nl);

	if (!r)
		r = mnat_rules_exist(nl);
	if (r < 0) {
		log_err("cannot list the routing rules: %s", strerror(-r));
		return r;
	}
	bpf_map_lookup_elem(bpf_map__fd(tc->maps.route_state), &zero, &state);
	state = mnat_route_changed(state, r);
	return pins_write_map(plan, "route_state", &state);
}

/* bpf_fib_lookup() refuses where forwarding is off. */
static int forward_on(const char *ifname)
{
	_cleanup_close_ int fd = -1;
	char path[128], value = 0;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/forwarding", ifname);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || read(fd, &value, 1) != 1) {
		log_err("%s: cannot read %s: %m", ifname, path);
		return -EIO;
	}
	if (value == '1')
		return 0;
	if (pwrite(fd, "1", 1, 0) != 1) {
		log_err("%s: cannot turn IPv4 forwarding on (%s): %m", ifname, path);
		return -EIO;
	}
	log_info("%s: turned IPv4 forwarding on", ifname);
	return 0;
}

static int make_ready(const struct plan *plan)
{
	const struct mnat_gateway_conf *conf = &plan->gateway;

	for (int i = 0; i < plan->n_attachments; i++)
		if (tc_interface(plan->attachments[i].ifname) < 0)
			return -ENODEV;
	for (int i = 0; i < conf->n_inside_if; i++)
		if (forward_on(conf->inside_if[i]))
			return -EIO;
	for (int i = 0; i < conf->n_outside_if; i++)
		if (forward_on(conf->outside_if[i]))
			return -EIO;
	ephemeral_check(&conf->bpf);
	return 0;
}

const struct role role_gateway = {
	.name = "gateway",
	.id = MNAT_ROLE_GATEWAY,
	.config_path = "/etc/mobilenat/gateway.conf",
	.program_prefix = "gw_",
	.configure = configure,
	.open = open_object,
	.close = close_object,
	.prime = prime,
	.make_ready = make_ready,
};
