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
#include "mnat/xdp.h"
#include "xdp.h"

struct bpf_program *plan_program(const struct plan *plan, const char *name)
{
	struct bpf_program *program = NULL;

	for (int i = 0; !program && i < plan->n_objects; i++)
		program = bpf_object__find_program_by_name(plan->objects[i], name);
	return program;
}

struct bpf_map *plan_map(const struct plan *plan, const char *name)
{
	struct bpf_map *map = NULL;

	for (int i = 0; !map && i < plan->n_objects; i++)
		map = bpf_object__find_map_by_name(plan->objects[i], name);
	return map;
}

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

static void explain_refusal(const struct role *role, int r)
{
	struct utsname kernel;

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
}

/* Each object once its maps are found, as the next one's maps may be this one's. */
static int load_objects(const struct role *role, struct plan *plan)
{
	int r = pins_check_abi(plan->pin, role->id);

	for (int i = 0; !r && i < plan->n_objects; i++) {
		r = pins_use_maps(plan->pin, plan->objects[i]);
		if (!r && !i) /* what is not pinned yet the first one makes, empty */
			r = pins_check_layout(plan);
		if (r)
			return r;
		r = bpf_object__load(plan->objects[i]);
		if (r) {
			explain_refusal(role, r);
			return r;
		}
	}
	return r;
}

static int replace_programs(const struct plan *plan)
{
	int r = 0;

	for (int i = 0; !r && i < plan->n_objects; i++)
		r = pins_replace_programs(plan->pin, plan->objects[i]);
	return r;
}

static int attach_all(const struct plan *plan)
{
	for (int i = 0; i < plan->n_attachments; i++) {
		const struct attachment *a = &plan->attachments[i];
		const struct bpf_program *program = plan_program(plan, a->program);
		int r = program ? tc_attach(a, bpf_program__fd(program)) : -ENOENT;

		if (r)
			return r;
	}
	return 0;
}

/* Load and attach; on a fresh system a failure leaves nothing behind. */
static int load_and_attach(const struct role *role, struct plan *plan, bool fresh)
{
	int r = load_objects(role, plan);

	if (!r)
		r = pins_write_abi(role, plan);
	if (!r && role->prime)
		r = role->prime(plan);
	if (!r)
		r = replace_programs(plan);
	if (!r)
		r = attach_all(plan);
	if (!r)
		r = xdp_detach_others(plan->pin, plan);
	if (!r)
		r = xdp_attach(plan);
	if (!r)
		return detach_others(role, plan);
	if (fresh) {
		xdp_detach_others(plan->pin, NULL);
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

static void tell_loaded(const struct role *role, const struct plan *plan, bool fresh)
{
	char modes[LOAD_MODES_TEXT] = "tc";
	size_t len = 0;

	for (int i = 0; i < plan->n_xdp_ports; i++)
		len += (size_t)snprintf(modes + len, sizeof(modes) - len, "%s%s %s",
					i ? ", " : "", plan->xdp_ports[i].ifname,
					mnat_xdp_mode(plan->pin, plan->xdp_ports[i].ifname));
	log_info("%s %s on %d hooks, mode %s, maps in %s", role->name,
		 fresh ? "loaded" : "replaced in place", plan->n_attachments, modes, plan->pin);
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
		r = xdp_choose(plan);
	if (!r)
		r = role->open(plan);
	if (r) {
		if (fresh)
			pins_remove(plan->pin);
		return r;
	}
	r = load_and_attach(role, plan, fresh);
	role->close();
	if (!r)
		tell_loaded(role, plan, fresh);
	return r;
}

int cmd_unload(const struct role *role, struct plan *plan)
{
	_cleanup_close_ int lock = -1;
	int r = pins_lock(plan->pin, &lock);

	if (r)
		return r;
	r = xdp_detach_others(plan->pin, NULL);
	if (!r)
		r = detach_others(role, NULL);
	if (!r && role->clean_up)
		role->clean_up(plan);
	return r ? r : pins_remove(plan->pin);
}

static json_t *describe_program(const char *ifname, const char *hook, const char *mode, uint32_t id)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {};
	uint32_t len = sizeof(info);
	char tag[17] = "";

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return NULL;
	for (int i = 0; i < 8; i++)
		snprintf(tag + 2 * i, 3, "%02x", info.tag[i]);
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:s, s:i}", "interface", ifname, "hook", hook,
			 "mode", mode, "program", info.name, "id",
			 (int)info.id, "tag", tag, "verified_insns", (int)info.verified_insns);
}

static void describe_xdp(json_t *programs)
{
	struct if_nameindex *interfaces = if_nameindex();
	struct mnat_xdp_state state;

	for (int i = 0; interfaces && interfaces[i].if_index; i++)
		if (!mnat_xdp_query((int)interfaces[i].if_index, &state) && state.ours)
			json_array_append_new(programs,
					      describe_program(interfaces[i].if_name, "xdp",
							       state.native ? "native" : "generic",
							       state.prog_id));
	if (interfaces)
		if_freenameindex(interfaces);
}

/* What the kernel charges for a map; 0: it does not say. */
static long long memory_of(int fd)
{
	_cleanup_fclose_ FILE *file = NULL;
	long long bytes = 0;
	char path[64], line[128];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "memlock: %lld", &bytes) == 1)
			break;
	return bytes;
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
	return json_pack("{s:s, s:i, s:i, s:i, s:I}", "map", name, "id", (int)info.id, "max_entries",
			 (int)info.max_entries, "value_size", (int)info.value_size, "bytes",
			 (json_int_t)memory_of(fd));
}

static void print_text(const json_t *programs, const json_t *maps)
{
	long long bytes, total = 0;
	const json_t *row;
	size_t i;

	printf("%-16s %-8s %-8s %-14s %6s  %-16s %14s\n", "INTERFACE", "HOOK", "MODE", "PROGRAM",
	       "ID", "TAG", "VERIFIED INSNS");
	json_array_foreach(programs, i, row)
		printf("%-16s %-8s %-8s %-14s %6d  %-16s %14d\n",
		       json_string_value(json_object_get(row, "interface")),
		       json_string_value(json_object_get(row, "hook")),
		       json_string_value(json_object_get(row, "mode")),
		       json_string_value(json_object_get(row, "program")),
		       (int)json_integer_value(json_object_get(row, "id")),
		       json_string_value(json_object_get(row, "tag")),
		       (int)json_integer_value(json_object_get(row, "verified_insns")));
	printf("\n%-16s %6s %12s %12s %12s\n", "MAP", "ID", "ENTRIES", "VALUE BYTES", "KIB");
	json_array_foreach(maps, i, row) {
		bytes = json_integer_value(json_object_get(row, "bytes"));
		total += bytes;
		printf("%-16s %6d %12d %12d %12lld\n",
		       json_string_value(json_object_get(row, "map")),
		       (int)json_integer_value(json_object_get(row, "id")),
		       (int)json_integer_value(json_object_get(row, "max_entries")),
		       (int)json_integer_value(json_object_get(row, "value_size")), bytes / 1024);
	}
	printf("%-16s %6s %12s %12s %12lld\n", "all", "", "", "", total / 1024);
}

int cmd_show(const struct role *role, const struct plan *plan, bool json)
{
	static const char *const names[] = {
		"abi",	     "config",	     "hosts",	    "host_info",  "actuals",
		"virtuals",  "bindings",     "bib",	    "blocks",	  "host_use",
		"sessions",  "session_tags", "host_traffic", "events",	  "events_lost",
		"anchors",   "defaults",     "elsewhere",   "relays",	  "arrivals",
		"next_hops", "route_state",  "own_macs",    "xdp_ports",  "counters",
		"port_tries", "shim",	     "shim_active",
	};
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
		json_array_append_new(programs,
				      describe_program(found[i].ifname, point_name(found[i].point),
						       "tc", found[i].prog_id));
	if (role->id == MNAT_ROLE_GATEWAY)
		describe_xdp(programs);
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
