// SPDX-License-Identifier: GPL-2.0-only
/*
 * TC attachments. libbpf 1.1 has no TCX links, so an attachment is a clsact filter
 * at a fixed priority and handle: replacing it there is atomic, detaching and
 * attaching again would let packets through untranslated in between.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "mnat/maps.h"

int tc_interface(const char *ifname)
{
	int index = (int)if_nametoindex(ifname);

	if (index)
		return index;
	log_err("there is no interface %s: create it or correct the configuration", ifname);
	return -ENODEV;
}

int tc_attach(const struct attachment *a, int prog_fd)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = a->point);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = MNAT_TC_HANDLE,
			    .priority = MNAT_TC_PRIORITY, .prog_fd = prog_fd,
			    .flags = BPF_TC_F_REPLACE);
	int r = tc_interface(a->ifname);

	if (r < 0)
		return r;
	hook.ifindex = r;
	r = bpf_tc_hook_create(&hook);
	if (r && r != -EEXIST) {
		log_err("%s: cannot create the clsact qdisc: %s", a->ifname, strerror(-r));
		return r;
	}
	r = bpf_tc_attach(&hook, &opts);
	if (r)
		log_err("%s: cannot attach %s: %s", a->ifname, a->program, strerror(-r));
	return r;
}

int tc_detach(const char *ifname, enum bpf_tc_attach_point point)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = point);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = MNAT_TC_HANDLE,
			    .priority = MNAT_TC_PRIORITY);

	hook.ifindex = (int)if_nametoindex(ifname);
	return hook.ifindex ? bpf_tc_detach(&hook, &opts) : -ENODEV;
}

/* The program at our place on a hook, 0 if none. */
static unsigned int tc_query(int ifindex, enum bpf_tc_attach_point point)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = point);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = MNAT_TC_HANDLE,
			    .priority = MNAT_TC_PRIORITY);

	return bpf_tc_query(&hook, &opts) ? 0 : opts.prog_id;
}

static bool is_ours(unsigned int prog_id, const char *prefix)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(prog_id);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
	       !strncmp(info.name, prefix, strlen(prefix));
}

int tc_check(const struct attachment *a, const char *prefix)
{
	int index = tc_interface(a->ifname);
	unsigned int id = index < 0 ? 0 : tc_query(index, a->point);

	if (index < 0)
		return index;
	if (!id || is_ours(id, prefix))
		return 0;
	log_err("%s carries another program at our place (id %u; bpftool prog show id %u): a "
		"gateway and a node do not share an interface",
		a->ifname, id, id);
	return -EBUSY;
}

int tc_find(const char *prefix, struct found **ret_found)
{
	static const enum bpf_tc_attach_point points[] = { BPF_TC_INGRESS, BPF_TC_EGRESS };
	struct if_nameindex *interfaces = if_nameindex();
	_cleanup_free_ struct found *found = NULL;
	int n = 0, total = 0;

	if (!interfaces)
		return -errno;
	while (interfaces[total].if_index)
		total++;
	found = calloc((size_t)total * 2 + 1, sizeof(*found));
	for (int i = 0; found && i < total; i++) {
		for (int p = 0; p < 2; p++) {
			unsigned int id = tc_query((int)interfaces[i].if_index, points[p]);

			if (!id || !is_ours(id, prefix))
				continue;
			found[n].point = points[p];
			found[n].prog_id = id;
			strncpy(found[n++].ifname, interfaces[i].if_name, IF_NAMESIZE - 1);
		}
	}
	if_freenameindex(interfaces);
	if (!found)
		return -ENOMEM;
	*ret_found = TAKE_PTR(found);
	return n;
}
