// SPDX-License-Identifier: GPL-2.0-only
#include "gateway.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "gateway.skel.h"
#include "mnat/maps.h"
#include "xdp.h"

#define N_ACTUALS (65536 + 4096)

void gateway_routes_changed(struct gateway *g, bool rules)
{
	int fd = bpf_map__fd(g->maps.route_state);
	uint32_t zero = 0;
	uint64_t state;

	cr_assert_eq(bpf_map_lookup_elem(fd, &zero, &state), 0);
	state = mnat_route_changed(state, rules);
	cr_assert_eq(bpf_map_update_elem(fd, &zero, &state, BPF_ANY), 0);
}

static void add_range(const struct gateway_setup *setup, struct mnat_gateway_config *cfg,
		      const char *first, uint32_t n)
{
	uint32_t addr = ntohl(ip4(first));

	cfg->external[cfg->n_external++] = (struct mnat_external){
		addr, addr + n - 1, setup->port_first, setup->port_first + setup->n_ports - 1u };
}

static void set_pool(const struct gateway_setup *setup, struct mnat_gateway_config *cfg)
{
	uint32_t size = setup->block ? setup->block : 64, n = setup->n_ext ? setup->n_ext : 1;

	add_range(setup, cfg, setup->external ? setup->external : "135.180.32.4",
		  setup->apart ? n - 1 : n);
	if (setup->apart) {
		struct mnat_external *e = &cfg->external[1];

		add_range(setup, cfg, setup->apart, 1);
		if (setup->apart_port_first) {
			e->port_first = setup->apart_port_first;
			e->port_last = setup->apart_port_first + setup->apart_n_ports - 1u;
		}
	}
	cfg->block_shift = (uint32_t)__builtin_ctz(size);
	mnat_lay_out(cfg);
	cfg->max_blocks = setup->max_ports ? setup->max_ports / size : 65536;
	cfg->max_host_sessions = setup->max_host_sessions ? setup->max_host_sessions : UINT32_MAX;
	cfg->hold_down = 120;
	cfg->arbitrary = setup->arbitrary;
	cfg->fixed = setup->fixed;
	cfg->accounting = true;
}

struct gateway *gateway_start(struct gateway_setup setup)
{
	struct mnat_gateway_config cfg = {
		.inside = { { 0x0a000000, 0x0a00ffff, 0 }, { 0x0a0a0000, 0x0a0a0fff, 65536 } },
		.n_inside = 2,
		.virtuals = { { 0x0a800000, 0x0affffff } },
		.n_virtual = 1,
		.n_actuals = N_ACTUALS,
		.plain_hosts = !setup.refuse_plain,
		.tunnel_addr = ip4(setup.external ? setup.external : "135.180.32.4"),
		.max_anchors = 15,
		.filtering = setup.filtering,
		.timeouts = { 300, 60, 240, 7440, 240, 240, 600 },
	};
	uint32_t max_sessions = setup.max_sessions ? setup.max_sessions : 128;
	uint32_t bindings;
	struct gateway *g;

	cfg.n_buckets = mnat_session_buckets(max_sessions);
	cfg.session_seed = 4711;
	set_pool(&setup, &cfg);
	bindings = mnat_bindings_size(&cfg);

	harness_network();
	libbpf_set_print(NULL);
	g = gateway__open();
	cr_assert_not_null(g);
	memcpy((void *)&g->rodata->cfg, &cfg, sizeof(cfg));
	bpf_map__set_max_entries(g->maps.hosts, TEST_HOST + 16);
	bpf_map__set_max_entries(g->maps.host_info, TEST_HOST + 16);
	bpf_map__set_max_entries(g->maps.actuals, N_ACTUALS);
	bpf_map__set_max_entries(g->maps.virtuals, 16);
	bpf_map__set_max_entries(g->maps.bindings, bindings);
	bpf_map__set_max_entries(g->maps.blocks, cfg.n_blocks);
	bpf_map__set_max_entries(g->maps.host_use, TEST_HOST + 16);
	bpf_map__set_max_entries(g->maps.host_traffic, cfg.accounting ? TEST_HOST + 16 : 1);
	bpf_map__set_max_entries(g->maps.bib, bindings);
	bpf_map__set_max_entries(g->maps.virtuals, 16);
	if (setup.filtering == MNAT_FILTERING_ADDRESS)
		bpf_map__set_max_entries(g->maps.permits, 128);
	bpf_map__set_max_entries(g->maps.anchors, 16);
	bpf_map__set_max_entries(g->maps.defaults, TEST_HOST + 16);
	bpf_map__set_max_entries(g->maps.elsewhere, 16);
	bpf_map__set_max_entries(g->maps.relays, 16);
	bpf_map__set_max_entries(g->maps.arrivals, 32);
	bpf_map__set_max_entries(g->maps.sessions, cfg.n_buckets * MNAT_BUCKET_SLOTS);
	bpf_map__set_max_entries(g->maps.session_tags, cfg.n_buckets);
	cr_assert_eq(gateway__load(g), 0, "the programs do not load: run as root");
	gateway_routes_changed(g, false);
	xdp_start(g->obj, &cfg);
	return g;
}

static void store(struct bpf_map *map, uint32_t key, uint64_t value)
{
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(map), &key, &value, BPF_ANY), 0);
}

static uint32_t actual_key(const char *actual)
{
	uint32_t addr = ntohl(ip4(actual));

	return addr >> 16 == 0x0a0a ? 65536 + (addr & 0xfff) : addr & 0xffff;
}

void gateway_place(struct gateway *g, uint32_t host, const char *actual, uint32_t gen)
{
	store(g->maps.actuals, actual_key(actual), mnat_actual(host, 0));
	store(g->maps.hosts, host,
	      mnat_location(ip4(actual), MNAT_PATH_TRANSLATE, 0, (uint16_t)gen));
}

void gateway_name(struct gateway *g, uint32_t host, const char *virt)
{
	struct mnat_host_info info = { .virt = ip4(virt), .identity = ip4(virt) };

	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(g->maps.host_info), &host, &info, BPF_ANY), 0);
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(g->maps.virtuals), &info.virt, &host, BPF_ANY),
		     0);
}

void gateway_leave(struct gateway *g, const char *actual, uint32_t host, uint32_t until)
{
	store(g->maps.actuals, actual_key(actual), mnat_actual(host, until));
}

void gateway_send_away(struct gateway *g, uint32_t host, const char *virt, const char *end)
{
	gateway_name(g, host, virt);
	store(g->maps.hosts, host, mnat_location(ip4(end), MNAT_PATH_TUNNEL, 0, 9));
}

void gateway_tunnel(struct gateway *g, uint32_t host, const char *virt, const char *actual)
{
	gateway_name(g, host, virt);
	store(g->maps.actuals, actual_key(actual), mnat_actual(host, 0));
	store(g->maps.hosts, host,
	      mnat_location(ip4(actual), MNAT_PATH_TUNNEL, MNAT_HOST_TUNNELLED, 1));
}

void gateway_share(struct gateway *g, uint32_t host, const char *identity, const char *virt)
{
	struct mnat_host_info info = { .virt = ip4(virt), .identity = ip4(identity) };
	uint32_t shared = MNAT_HOST_SHARED;

	gateway_name(g, host, identity);
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(g->maps.host_info), &host, &info, BPF_ANY), 0);
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(g->maps.virtuals), &info.virt, &shared,
					 BPF_ANY), 0);
}

void gateway_admit(struct gateway *g, const char *peer, const char *virt, uint32_t host)
{
	struct mnat_arrival_key key = { ip4(peer), ip4(virt) };

	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(g->maps.arrivals), &key, &host, BPF_ANY), 0);
}

void gateway_anchor(struct gateway *g, uint32_t host, const char *gateway, const char *virt,
		    uint32_t flags)
{
	struct mnat_anchor anchor = { ip4(gateway), ip4(virt), host, flags };
	uint32_t slot = 1;

	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(g->maps.anchors), &slot, &anchor, BPF_ANY), 0);
	cr_assert_eq(bpf_map_update_elem(bpf_map__fd(g->maps.defaults), &host, &slot, BPF_ANY), 0);
}

static void *map_memory(struct bpf_map *map)
{
	size_t len = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	cr_assert_neq(at, MAP_FAILED, "%s", bpf_map__name(map));
	return at;
}

const struct mnat_gateway *gateway_table(struct gateway *g)
{
	static struct mnat_gateway table;
	static const struct gateway *of;

	if (of != g) {
		of = g;
		table.sessions = map_memory(g->maps.sessions);
		table.session_tags = map_memory(g->maps.session_tags);
		table.config = *(struct mnat_gateway_config *)&g->rodata->cfg;
		table.n_buckets = table.config.n_buckets;
	}
	return &table;
}

void gateway_import(struct gateway *g, const struct mnat_session_key *key)
{
	struct mnat_session session = { .binding = MNAT_BINDING_ANCHOR | 1,
					.last_seen = gateway_now(),
					.flags = MNAT_SEEN_SYN_OUT | MNAT_SEEN_SYN_IN };

	cr_assert_eq(mnat_session_add(gateway_table(g), key, &session), 0);
}

void gateway_importing(struct gateway *g, uint32_t host, const char *actual, bool importing)
{
	store(g->maps.hosts, host,
	      mnat_location(ip4(actual), MNAT_PATH_TRANSLATE, importing ? MNAT_HOST_IMPORTING : 0, 9));
}

struct run from_inside_frame(struct gateway *g, const uint8_t *frame, size_t len)
{
	return xdp_run("gw_inside", bpf_program__fd(g->progs.gw_inside), harness_in(), frame, len);
}

struct run from_outside_frame(struct gateway *g, const uint8_t *frame, size_t len)
{
	return xdp_run("gw_outside", bpf_program__fd(g->progs.gw_outside), harness_out(), frame,
		       len);
}

struct run from_inside(struct gateway *g, const struct packet *p)
{
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(p, frame);

	return from_inside_frame(g, frame, len);
}

struct run from_outside(struct gateway *g, const struct packet *p)
{
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(p, frame);

	return from_outside_frame(g, frame, len);
}

struct run through_guard(struct gateway *g, const struct packet *p)
{
	return harness_run_packet(bpf_program__fd(g->progs.gw_guard), harness_out(), p);
}

int gateway_program(struct gateway *g, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(g->obj, name));
}

int gateway_map(struct gateway *g, const char *name)
{
	return bpf_object__find_map_fd_by_name(g->obj, name);
}

struct mnat_sweep gateway_sweep(struct gateway *g, uint32_t now)
{
	struct mnat_sweep sweep = { .now = now };
	struct mnat_session sessions[MNAT_SWEEP_KEYS];
	uint32_t bucket = 0;
	struct run run;

	sweep.n = mnat_sessions_read(gateway_table(g), &bucket, sweep.keys, sessions,
				     MNAT_SWEEP_KEYS);
	run = harness_run(bpf_program__fd(g->progs.gw_sweep), 1, (void *)&sweep, sizeof(sweep));
	cr_assert_eq(run.verdict, OK);
	memcpy(&sweep, run.frame, sizeof(sweep));
	return sweep;
}

uint64_t gateway_count(struct gateway *g, enum mnat_counter_id id)
{
	return harness_count(bpf_map__fd(g->maps.counters), id);
}

uint64_t gateway_count_all(struct gateway *g)
{
	uint64_t total = 0;

	for (int id = 0; id < MNAT_N_COUNTERS; id++)
		if (mnat_counter_class(id) != MNAT_CLASS_EVENT)
			total += gateway_count(g, id);
	return total;
}

static int entries(int fd)
{
	uint8_t key[16], *previous = NULL;
	int n = 0;

	while (!bpf_map_get_next_key(fd, previous, key)) {
		previous = key;
		n++;
	}
	return n;
}

int gateway_sessions(struct gateway *g)
{
	struct mnat_session_key keys[MNAT_BUCKET_SLOTS];
	struct mnat_session sessions[MNAT_BUCKET_SLOTS];
	uint32_t bucket = 0, n = 0;

	while (bucket < g->rodata->cfg.n_buckets)
		n += mnat_sessions_read(gateway_table(g), &bucket, keys, sessions,
					MNAT_BUCKET_SLOTS);
	return (int)n;
}

struct mnat_session gateway_session(struct gateway *g, struct mnat_session_key *ret_key)
{
	struct mnat_session_key keys[MNAT_SWEEP_KEYS];
	struct mnat_session sessions[MNAT_SWEEP_KEYS];
	uint32_t bucket = 0;

	cr_assert_eq(gateway_sessions(g), 1);
	cr_assert_eq(mnat_sessions_read(gateway_table(g), &bucket, keys, sessions,
					MNAT_SWEEP_KEYS), 1);
	*ret_key = keys[0];
	return sessions[0];
}

int gateway_bindings(struct gateway *g)
{
	return entries(bpf_map__fd(g->maps.bib));
}

uint32_t gateway_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint32_t)ts.tv_sec;
}
