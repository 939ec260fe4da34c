// SPDX-License-Identifier: GPL-2.0-only
#include <bpf/bpf.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "load.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

int plan_attach(struct plan *plan, const char *ifname, enum bpf_tc_attach_point point,
		const char *program)
{
	struct attachment *a = &plan->attachments[plan->n_attachments];

	if (plan->n_attachments == LOAD_MAX_ATTACHMENTS)
		return -E2BIG;
	snprintf(a->ifname, sizeof(a->ifname), "%s", ifname);
	a->point = point;
	a->program = program;
	plan->n_attachments++;
	return 0;
}

static const char *point_name(enum bpf_tc_attach_point point)
{
	return point == BPF_TC_INGRESS ? "ingress" : "egress";
}

static bool is_planned(const struct plan *plan, const struct found *f)
{
	for (int i = 0; i < plan->n_attachments; i++)
		if (plan->attachments[i].point == f->point &&
		    !strcmp(plan->attachments[i].ifname, f->ifname))
			return true;
	return false;
}

/* Detach our programs from hooks that the plan does not name; NULL: from all. */
static int detach_others(const struct role *role, const struct plan *plan)
{
	_cleanup_free_ struct found *found = NULL;
	int n = tc_find(role->program_prefix, &found), r = 0;

	for (int i = 0; i < n; i++) {
		if (plan && is_planned(plan, &found[i]))
			continue;
		r = tc_detach(found[i].ifname, found[i].point);
		if (r)
			log_err("%s: cannot detach from %s: %s", found[i].ifname,
				point_name(found[i].point), strerror(-r));
		else
			log_info("%s: detached from %s", found[i].ifname,
				 point_name(found[i].point));
	}
	return n < 0 ? n : r;
}

static int load_object(const struct role *role, struct plan *plan)
{
	struct utsname kernel;
	int r = bpf_object__load(plan->object);

	if (!r)
		return 0;
	if (r == -EPERM) {
		log_err("not permitted to load BPF programs: CAP_BPF and CAP_NET_ADMIN are needed, "
			"which a container may lack");
	} else if (r == -ENOMEM || r == -E2BIG) {
		log_err("no room for the %s's maps: %s; lower limits, prefixes or ports", role->name,
			strerror(-r));
	} else {
		uname(&kernel);
		log_err("the kernel (%s) refused the %s's BPF programs: %s. Linux 6.1 or newer with "
			"CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_BPF is needed; -v shows the "
			"verifier's log",
			kernel.release, role->name, strerror(-r));
	}
	return r;
}

static int attach_all(const struct plan *plan)
{
	for (int i = 0; i < plan->n_attachments; i++) {
		const struct attachment *a = &plan->attachments[i];
		const struct bpf_program *program =
			bpf_object__find_program_by_name(plan->object, a->program);
		int r = program ? tc_attach(a, bpf_program__fd(program)) : -ENOENT;

		if (r)
			return r;
	}
	return 0;
}

/* Load and attach; on a fresh system a failure leaves nothing behind. */
static int load_and_attach(const struct role *role, struct plan *plan, bool fresh)
{
	int r = pins_use_maps(plan->pin, role->id, plan->object);

	if (!r)
		r = load_object(role, plan);
	if (!r)
		r = pins_write_abi(role, plan);
	if (!r)
		r = pins_replace_programs(plan->pin, plan->object);
	if (!r)
		r = attach_all(plan);
	if (!r)
		return detach_others(role, plan);
	if (fresh) {
		detach_others(role, NULL);
		pins_remove(plan->pin);
	}
	return r;
}

static bool is_loaded(const struct plan *plan)
{
	char path[MNAT_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/abi", plan->pin);
	return !access(path, F_OK);
}

int cmd_load(const struct role *role, struct plan *plan)
{
	_cleanup_close_ int lock = -1;
	bool fresh;
	int r = pins_lock(plan->pin, &lock);

	if (r)
		return r;
	fresh = !is_loaded(plan);
	r = role->make_ready(plan);
	for (int i = 0; !r && i < plan->n_attachments; i++)
		r = tc_check(&plan->attachments[i], role->program_prefix);
	if (!r)
		r = role->open(plan);
	if (r) {
		if (fresh)
			pins_remove(plan->pin);
		return r;
	}
	r = load_and_attach(role, plan, fresh);
	role->close(plan);
	if (!r)
		log_info("%s %s on %d hooks, mode tc, maps in %s", role->name,
			 fresh ? "loaded" : "replaced in place", plan->n_attachments, plan->pin);
	return r;
}

int cmd_unload(const struct role *role, struct plan *plan)
{
	_cleanup_close_ int lock = -1;
	int r = pins_lock(plan->pin, &lock);

	if (r)
		return r;
	r = detach_others(role, NULL);
	return r ? r : pins_remove(plan->pin);
}

static json_t *describe_program(const struct found *f)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(f->prog_id);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	char tag[17] = "";

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return NULL;
	for (int i = 0; i < 8; i++)
		snprintf(tag + 2 * i, 3, "%02x", info.tag[i]);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:i}", "interface", f->ifname, "hook",
			 point_name(f->point), "mode", "tc", "program", info.name, "id",
			 (int)info.id, "tag", tag, "verified_insns", (int)info.verified_insns);
}

static json_t *describe_map(const char *dir, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	char path[MNAT_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return NULL;
	return json_pack("{s:s, s:i, s:i, s:i}", "map", name, "id", (int)info.id, "max_entries",
			 (int)info.max_entries, "value_size", (int)info.value_size);
}

static void print_text(const json_t *programs, const json_t *maps)
{
	const json_t *row;
	size_t i;

	printf("%-16s %-8s %-5s %-12s %6s  %-16s %14s\n", "INTERFACE", "HOOK", "MODE", "PROGRAM",
	       "ID", "TAG", "VERIFIED INSNS");
	json_array_foreach(programs, i, row)
		printf("%-16s %-8s %-5s %-12s %6d  %-16s %14d\n",
		       json_string_value(json_object_get(row, "interface")),
		       json_string_value(json_object_get(row, "hook")),
		       json_string_value(json_object_get(row, "mode")),
		       json_string_value(json_object_get(row, "program")),
		       (int)json_integer_value(json_object_get(row, "id")),
		       json_string_value(json_object_get(row, "tag")),
		       (int)json_integer_value(json_object_get(row, "verified_insns")));
	printf("\n%-16s %6s %12s %12s\n", "MAP", "ID", "ENTRIES", "VALUE BYTES");
	json_array_foreach(maps, i, row)
		printf("%-16s %6d %12d %12d\n", json_string_value(json_object_get(row, "map")),
		       (int)json_integer_value(json_object_get(row, "id")),
		       (int)json_integer_value(json_object_get(row, "max_entries")),
		       (int)json_integer_value(json_object_get(row, "value_size")));
}

int cmd_show(const struct role *role, const struct plan *plan, bool json)
{
	static const char *const names[] = { "abi",	"config",   "hosts",	  "host_info",
					     "actuals", "virtuals", "bindings",	  "bib",
					     "sessions", "anchors",  "defaults", "direct",
					     "arrivals", "counters", "port_tries", "shim",
					     "shim_active" };
	_cleanup_free_ struct found *found = NULL;
	json_t *programs = json_array(), *maps = json_array(), *all;
	int n;

	if (geteuid()) {
		json_decref(programs);
		json_decref(maps);
		log_err("only root can see BPF programs: use sudo");
		return -EPERM;
	}
	n = tc_find(role->program_prefix, &found);
	for (int i = 0; i < n; i++)
		json_array_append_new(programs, describe_program(&found[i]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *row = describe_map(plan->pin, names[i]);

		if (row)
			json_array_append_new(maps, row);
	}
	all = json_pack("{s:s, s:s, s:i, s:o, s:o}", "role", role->name, "pin", plan->pin, "abi",
			MNAT_ABI_VERSION, "programs", programs, "maps", maps);
	if (json) {
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (n > 0 || json_array_size(maps)) {
		print_text(programs, maps);
	} else {
		printf("nothing is loaded: mnat-load %s load\n", role->name);
	}
	json_decref(all);
	return n < 0 ? n : 0;
}
