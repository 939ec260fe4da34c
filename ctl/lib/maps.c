// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"

static int get_pin(const char *dir, const char *name)
{
	char path[4096];
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

static int open_pin(const char *dir, const char *name)
{
	int fd = get_pin(dir, name);

	if (fd == -ENOENT)
		log_err("%s/%s is not there: load the data path first (mnat-load)", dir, name);
	else if (fd == -EPERM || fd == -EACCES)
		log_err("%s/%s: not permitted; run as root or with CAP_BPF and CAP_NET_ADMIN", dir,
			name);
	else if (fd < 0)
		log_err("%s/%s cannot be opened: %s", dir, name, strerror(-fd));
	return fd;
}

static int get_info(int fd, struct bpf_map_info *ret_info)
{
	uint32_t len = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	return bpf_obj_get_info_by_fd(fd, ret_info, &len) ? -errno : 0;
}

static int check_abi(const char *dir, enum mnat_role role)
{
	_cleanup_close_ int fd = open_pin(dir, "abi");
	struct mnat_abi abi = {0};
	uint32_t zero = 0;

	if (fd < 0)
		return fd;
	if (bpf_map_lookup_elem(fd, &zero, &abi) || abi.magic != MNAT_ABI_MAGIC) {
		log_err("%s holds no MobileNAT maps; give another pin directory", dir);
		return -EPROTO;
	}
	if (abi.version != MNAT_ABI_VERSION) {
		log_err("%s holds maps of ABI version %u, this program needs %u: install one "
			"version of MobileNAT, or unload and load with mnat-load, which ends all "
			"sessions",
			dir, abi.version, MNAT_ABI_VERSION);
		return -EPROTO;
	}
	if (abi.role != role) {
		log_err("%s holds a %s's maps, expected a %s's; check pin in the configuration",
			dir, abi.role == MNAT_ROLE_NODE ? "node" : "gateway",
			role == MNAT_ROLE_NODE ? "node" : "gateway");
		return -EPROTO;
	}
	return 0;
}

/*
 * One daemon at a time drives the maps of dir, whatever its run-dir. The lock is on
 * prog/, since mnat-load locks dir itself while it works.
 */
static int claim(const char *dir, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	char path[4096];

	snprintf(path, sizeof(path), "%s/prog", dir);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		log_err("%s cannot be opened: %m; load the data path again (mnat-load)", path);
		return -EPROTO;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		log_err("another process drives the maps of %s already; stop it first, or give "
			"this one another pin",
			dir);
		return -EBUSY;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* One pinned object: where its descriptor and its size go. */
struct pin {
	const char *name;
	int *fd;
	uint32_t *max_entries; /* may be NULL */
};

static int open_pins(const char *dir, const struct pin *pins, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct bpf_map_info info;
		int r, fd = open_pin(dir, pins[i].name);

		if (fd < 0)
			return fd;
		*pins[i].fd = fd;
		if (!pins[i].max_entries)
			continue;
		r = get_info(fd, &info);
		if (r)
			return r;
		*pins[i].max_entries = info.max_entries;
	}
	return 0;
}

static size_t area_len(uint32_t n, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (n * size + page - 1) & ~(page - 1);
}

/* The memory of an mmapable array; the map lives as long as the mapping. */
static int map_area(int fd, uint32_t n, size_t size, void *ret_area)
{
	void *at = mmap(NULL, area_len(n, size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	memcpy(ret_area, &at, sizeof(at));
	return 0;
}

static void unmap_area(volatile void *area, uint32_t n, size_t size)
{
	if (area)
		munmap((void *)area, area_len(n, size));
}

static int map_memory(const char *dir, int hosts_fd, int actuals_fd, int blocks_fd, int use_fd,
		      int sessions_fd, int tags_fd, struct mnat_gateway *g)
{
	int r = map_area(hosts_fd, g->n_hosts, sizeof(uint64_t), &g->hosts);

	if (!r)
		r = map_area(actuals_fd, g->n_actuals, sizeof(uint64_t), &g->actuals);
	if (!r)
		r = map_area(g->bindings_fd, g->n_bindings, sizeof(*g->bindings), &g->bindings);
	if (!r)
		r = map_area(blocks_fd, g->n_blocks, sizeof(*g->blocks), &g->blocks);
	if (!r)
		r = map_area(use_fd, g->n_hosts, sizeof(*g->use), &g->use);
	if (!r)
		r = map_area(sessions_fd, g->n_buckets * MNAT_BUCKET_SLOTS, sizeof(*g->sessions),
			     &g->sessions);
	if (!r)
		r = map_area(tags_fd, g->n_buckets, sizeof(*g->session_tags), &g->session_tags);
	if (r)
		log_err("the maps of %s cannot be mapped into memory: %s", dir, strerror(-r));
	return r;
}

/* What of the maps contradicts the configuration the programs were loaded with. */
static int check_sizes(const char *dir, struct mnat_gateway *g)
{
	const struct mnat_gateway_config *c = &g->config;
	struct mnat_gateway_config laid_out = *c;

	if (c->n_external <= MNAT_MAX_EXTERNAL_RANGES)
		mnat_lay_out(&laid_out);
	if (c->n_inside <= MNAT_MAX_INSIDE && c->n_actuals <= g->n_actuals &&
	    g->n_hosts > c->n_actuals &&
	    c->n_external && c->n_external <= MNAT_MAX_EXTERNAL_RANGES &&
	    laid_out.n_blocks == c->n_blocks && c->n_blocks <= g->n_blocks &&
	    mnat_bindings_size(c) <= g->n_bindings)
		return 0;
	log_err("the maps of %s do not fit their own configuration: reload them with mnat-load",
		dir);
	return -EPROTO;
}

static int open_gateway(const char *dir, struct mnat_gateway *g)
{
	_cleanup_close_ int hosts_fd = -1, actuals_fd = -1, config_fd = -1, routes_fd = -1;
	_cleanup_close_ int blocks_fd = -1, use_fd = -1, sessions_fd = -1, tags_fd = -1;
	uint32_t n_use = 0, n_slots = 0;
	const struct pin pins[] = {
		{"hosts", &hosts_fd, &g->n_hosts},
		{"actuals", &actuals_fd, &g->n_actuals},
		{"config", &config_fd, NULL},
		{"route_state", &routes_fd, NULL},
		{"host_info", &g->host_info_fd, NULL},
		{"virtuals", &g->virtuals_fd, NULL},
		{"bindings", &g->bindings_fd, &g->n_bindings},
		{"blocks", &blocks_fd, &g->n_blocks},
		{"host_use", &use_fd, &n_use},
		{"host_traffic", &g->traffic_fd, NULL},
		{"events", &g->events_fd, NULL},
		{"events_lost", &g->events_lost_fd, NULL},
		{"bib", &g->bib_fd, &g->max_bindings},
		{"sessions", &sessions_fd, &n_slots},
		{"session_tags", &tags_fd, &g->n_buckets},
		{"anchors", &g->anchors_fd, &g->n_anchors},
		{"defaults", &g->defaults_fd, NULL},
		{"elsewhere", &g->elsewhere_fd, NULL},
		{"relays", &g->relays_fd, NULL},
		{"arrivals", &g->arrivals_fd, NULL},
		{"counters", &g->counters_fd, NULL},
		{"port_tries", &g->port_tries_fd, NULL},
		{"syns", &g->syns_fd, NULL},
		{"carried", &g->carried_fd, NULL},
		{"prog/gw_sweep", &g->sweep_fd, NULL},
	};
	struct bpf_map_info info;
	uint32_t zero = 0;
	int r = open_pins(dir, pins, sizeof(pins) / sizeof(pins[0]));

	if (!r)
		r = get_info(hosts_fd, &info);
	if (r)
		return r;
	g->hosts_id = info.id;
	if (bpf_map_lookup_elem(config_fd, &zero, &g->config))
		return -errno;
	g->max_sessions = g->n_buckets * MNAT_BUCKET_SLOTS / 2;
	r = n_use == g->n_hosts && g->n_buckets == g->config.n_buckets &&
			    n_slots == g->n_buckets * MNAT_BUCKET_SLOTS ?
		    check_sizes(dir, g) :
		    -EPROTO;
	if (!r)
		r = map_area(routes_fd, 1, sizeof(uint64_t), &g->route_state);
	if (!r)
		r = map_memory(dir, hosts_fd, actuals_fd, blocks_fd, use_fd, sessions_fd, tags_fd,
			       g);
	if (!r)
		mnat_sessions_repair(g);
	return r;
}

int mnat_gateway_open(const char *dir, struct mnat_gateway *ret_gateway)
{
	struct mnat_gateway g = {
		.host_info_fd = -1,
		.virtuals_fd = -1,
		.bindings_fd = -1,
		.bib_fd = -1,
		.traffic_fd = -1,
		.events_fd = -1,
		.events_lost_fd = -1,
		.anchors_fd = -1,
		.defaults_fd = -1,
		.elsewhere_fd = -1,
		.relays_fd = -1,
		.arrivals_fd = -1,
		.counters_fd = -1,
		.port_tries_fd = -1,
		.syns_fd = -1,
		.carried_fd = -1,
		.sweep_fd = -1,
		.lock_fd = -1,
	};
	int r = check_abi(dir, MNAT_ROLE_GATEWAY);

	if (!r)
		r = claim(dir, &g.lock_fd);
	if (!r)
		r = open_gateway(dir, &g);
	if (r) {
		mnat_gateway_close(&g);
		return r;
	}
	*ret_gateway = g;
	return 0;
}

void mnat_gateway_close(struct mnat_gateway *g)
{
	int *fds[] = {&g->host_info_fd, &g->virtuals_fd, &g->bindings_fd, &g->bib_fd,
		      &g->anchors_fd,	 &g->defaults_fd, &g->elsewhere_fd,
		      &g->relays_fd,	&g->arrivals_fd, &g->counters_fd,
		      &g->port_tries_fd, &g->syns_fd,
		      &g->carried_fd,	&g->sweep_fd,	&g->lock_fd,	    &g->traffic_fd,
		      &g->events_fd,	&g->events_lost_fd};

	unmap_area(g->hosts, g->n_hosts, sizeof(uint64_t));
	unmap_area(g->route_state, 1, sizeof(uint64_t));
	unmap_area(g->actuals, g->n_actuals, sizeof(uint64_t));
	unmap_area(g->bindings, g->n_bindings, sizeof(*g->bindings));
	unmap_area(g->blocks, g->n_blocks, sizeof(*g->blocks));
	unmap_area(g->use, g->n_hosts, sizeof(*g->use));
	unmap_area(g->sessions, g->n_buckets * MNAT_BUCKET_SLOTS, sizeof(*g->sessions));
	unmap_area(g->session_tags, g->n_buckets, sizeof(*g->session_tags));
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		mnat_closep(fds[i]);
}

int mnat_gateway_check(const char *dir, const struct mnat_gateway *g)
{
	_cleanup_close_ int fd = get_pin(dir, "hosts");
	struct bpf_map_info info;
	int r = fd < 0 ? fd : get_info(fd, &info);

	if (r)
		return r;
	return info.id == g->hosts_id ? 0 : -ESTALE;
}

int mnat_gateway_refresh(const char *dir, struct mnat_gateway *g)
{
	int r = mnat_gateway_check(dir, g);
	int fd = r ? r : get_pin(dir, "prog/gw_sweep");

	if (fd < 0)
		return fd;
	close(g->sweep_fd);
	g->sweep_fd = fd;
	return 0;
}

int mnat_node_open(const char *dir, struct mnat_node *ret_node)
{
	struct mnat_node node = {-1, -1, -1, -1, -1, -1};
	const struct pin pins[] = {
		{"shim", &node.shim_fd, NULL},
		{"shim_active", &node.active_fd, NULL},
		{"homes", &node.homes_fd, NULL},
		{"counters", &node.counters_fd, NULL},
		{"prog/node_tcp", &node.tcp_fd, NULL},
	};
	int r = check_abi(dir, MNAT_ROLE_NODE);

	if (!r)
		r = claim(dir, &node.lock_fd);
	if (!r)
		r = open_pins(dir, pins, sizeof(pins) / sizeof(pins[0]));
	if (r) {
		mnat_node_close(&node);
		return r;
	}
	*ret_node = node;
	return 0;
}

void mnat_node_close(struct mnat_node *node)
{
	mnat_closep(&node->shim_fd);
	mnat_closep(&node->active_fd);
	mnat_closep(&node->homes_fd);
	mnat_closep(&node->counters_fd);
	mnat_closep(&node->tcp_fd);
	mnat_closep(&node->lock_fd);
}
