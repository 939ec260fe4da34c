// SPDX-License-Identifier: GPL-2.0-only
/* The node's part of mnat-load: mnat0 and the uplinks. */
#include <errno.h>
#include <string.h>

#include "load.h"
#include "mnat/log.h"
#include "node.skel.h"

static int configure(const char *path, struct plan *plan)
{
	struct mnat_node_conf *conf = &plan->node;
	int r = mnat_node_conf_load(path, conf);

	if (r)
		return r;
	memcpy(plan->pin, conf->pin, sizeof(plan->pin));
	plan_attach(plan, conf->device, BPF_TC_EGRESS, "node_out");
	for (int i = 0; i < conf->n_uplink; i++)
		plan_attach(plan, conf->uplink[i], BPF_TC_INGRESS, "node_in");
	return 0;
}

static struct node *skel;

static int open_object(struct plan *plan)
{
	skel = node__open();
	if (!skel) {
		log_err("cannot open the node's BPF object: %m");
		return -errno;
	}
	plan->objects[0] = skel->obj;
	plan->n_objects = 1;
	return 0;
}

static void close_object(void)
{
	node__destroy(skel);
}

static int make_ready(const struct plan *plan)
{
	/* first, so that a wrong name leaves no device behind */
	for (int i = 0; i < plan->node.n_uplink; i++)
		if (tc_interface(plan->node.uplink[i]) < 0)
			return -ENODEV;
	managers_tell(&plan->node); /* before there is a device to manage */
	return device_ensure(plan->node.device);
}

static void clean_up(const struct plan *plan)
{
	managers_forget(&plan->node);
}

const struct role role_node = {
	.name = "node",
	.id = MNAT_ROLE_NODE,
	.config_path = "/etc/mobilenat/node.conf",
	.program_prefix = "node_",
	.configure = configure,
	.open = open_object,
	.close = close_object,
	.make_ready = make_ready,
	.clean_up = clean_up,
};
