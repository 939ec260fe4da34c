// SPDX-License-Identifier: GPL-2.0-only
/* The gateway's part of mnat-load: sizes, constants, hooks, forwarding. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#include "gateway.skel.h" /* needs abi.h before it */

static int configure(const char *path, struct plan *plan)
{
	struct mnat_gateway_conf *conf = &plan->gateway;
	int r = mnat_gateway_conf_load(path, conf);

	if (r)
		return r;
	memcpy(plan->pin, conf->pin, sizeof(plan->pin));
	for (int i = 0; i < conf->n_inside_if; i++)
		plan_attach(plan, conf->inside_if[i], BPF_TC_INGRESS, "gw_inside");
	for (int i = 0; i < conf->n_outside_if; i++) {
		plan_attach(plan, conf->outside_if[i], BPF_TC_INGRESS, "gw_outside");
		plan_attach(plan, conf->outside_if[i], BPF_TC_EGRESS, "gw_guard");
	}
	plan->config = &conf->bpf;
	return 0;
}

static int open_object(struct plan *plan)
{
	const struct mnat_gateway_conf *conf = &plan->gateway;
	uint32_t n_hosts = conf->bpf.n_actuals + conf->max_hosts + 1;
	uint32_t n_bindings = MNAT_N_PROTO * conf->bpf.n_ext * conf->bpf.n_ports;
	struct gateway *skel = gateway__open();

	if (!skel) {
		log_err("cannot open the gateway's BPF object: %m");
		return -errno;
	}
	memcpy((void *)&skel->rodata->cfg, &conf->bpf, sizeof(conf->bpf));
	bpf_map__set_max_entries(skel->maps.hosts, n_hosts);
	bpf_map__set_max_entries(skel->maps.host_info, n_hosts);
	bpf_map__set_max_entries(skel->maps.actuals, conf->bpf.n_actuals);
	bpf_map__set_max_entries(skel->maps.virtuals, conf->max_hosts);
	bpf_map__set_max_entries(skel->maps.bindings, n_bindings);
	bpf_map__set_max_entries(skel->maps.bib,
				 n_bindings < conf->max_sessions ? n_bindings :
								   conf->max_sessions);
	bpf_map__set_max_entries(skel->maps.sessions, conf->max_sessions);
	if (conf->bpf.filtering == MNAT_FILTERING_ADDRESS)
		bpf_map__set_max_entries(skel->maps.permits, conf->max_sessions);
	bpf_map__set_max_entries(skel->maps.anchors, conf->max_anchors + 1);
	bpf_map__set_max_entries(skel->maps.defaults, n_hosts);
	bpf_map__set_max_entries(skel->maps.direct, conf->max_sessions);
	bpf_map__set_max_entries(skel->maps.arrivals, 2 * conf->max_anchors);
	plan->skeleton = skel;
	plan->object = skel->obj;
	return 0;
}

static void close_object(struct plan *plan)
{
	gateway__destroy(plan->skeleton);
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
	.make_ready = make_ready,
};
