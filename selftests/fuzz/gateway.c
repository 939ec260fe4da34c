// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames at the gateway's programs, in the kernel. The first byte picks the way in, the
 * rest is the frame. Whatever comes: each run is counted once, what goes to the stack is
 * as it came, what leaves has a good IP header, no inside source on the outside, and a
 * transport checksum that verifies if it did on arrival. Needs root.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/abi.h"

#include "gateway.skel.h"

#include "../bpf/packet.h"

#define OK 0
#define SHOT 2
#define REDIRECT 7
#define ETH_LEN 14
#define MAX_CPUS 256
#define HOST 40

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const bool is_event[] = {
#define MNAT_CLASS_OF_FORWARD false
#define MNAT_CLASS_OF_STACK false
#define MNAT_CLASS_OF_DROP false
#define MNAT_CLASS_OF_EVENT true
#define X(name, class, text) MNAT_CLASS_OF_##class,
	MNAT_COUNTERS(X)
#undef X
};

static const char network[] =
	"ip link add in address 02:00:00:00:00:01 type veth peer name in-peer &&"
	"ip link add out address 02:00:00:00:00:02 type veth peer name out-peer"
	" && for d in in in-peer out out-peer; do ip link set $d up || exit 1; done;"
	"ip addr add 10.0.0.1/24 dev in && ip addr add 135.180.32.2/24 dev out &&"
	"ip route add 10.0.0.0/16 via 10.0.0.11 && ip route add default via 135.180.32.1 &&"
	"ip neigh add 10.0.0.11 lladdr 02:00:00:00:01:01 dev in &&"
	"ip neigh add 135.180.32.1 lladdr 02:00:00:00:01:02 dev out &&"
	"ip link set out mtu 1000 && echo 1 >/proc/sys/net/ipv4/ip_forward";

static const uint8_t mac_in[6] = {2, 0, 0, 0, 0, 1}, mac_out[6] = {2, 0, 0, 0, 0, 2};
static struct gateway *gateway;

static void require(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

static void load(void)
{
	const struct mnat_gateway_config cfg = {
		.inside = {{0x0a000000, 0x0a00ffff, 0}},
		.n_inside = 1,
		.n_actuals = 65536,
		.external = {{0x87b42004, 0x87b42004, 9000, 9063, .n_blocks = 2}},
		.n_external = 1,
		.block_shift = 6,
		.n_blocks = 2,
		.step = 2,
		.max_blocks = 2,
		.max_host_sessions = UINT32_MAX,
		.plain_hosts = 1,
		.tunnel_addr = htonl(0x87b42004),
		.max_anchors = 15,
		.n_buckets = 1024,
		.timeouts = {300, 60, 240, 7440, 240, 240, 600},
	};

	require(!unshare(CLONE_NEWNET) && !system(network), "a network of its own: run as root");
	libbpf_set_print(NULL);
	gateway = gateway__open();
	require(gateway, "the programs open");
	memcpy((void *)&gateway->rodata->cfg, &cfg, sizeof(cfg));
	bpf_map__set_max_entries(gateway->maps.hosts, 65536 + 64);
	bpf_map__set_max_entries(gateway->maps.host_info, 65536 + 64);
	bpf_map__set_max_entries(gateway->maps.defaults, 65536 + 64);
	bpf_map__set_max_entries(gateway->maps.actuals, 65536);
	bpf_map__set_max_entries(gateway->maps.bindings, MNAT_N_PROTO * 2 * 64);
	bpf_map__set_max_entries(gateway->maps.bib, MNAT_N_PROTO * 2 * 64);
	bpf_map__set_max_entries(gateway->maps.sessions, cfg.n_buckets * MNAT_BUCKET_SLOTS);
	bpf_map__set_max_entries(gateway->maps.session_tags, cfg.n_buckets);
	bpf_map__set_max_entries(gateway->maps.anchors, 16);
	bpf_map__set_max_entries(gateway->maps.arrivals, 32);
	bpf_map__set_max_entries(gateway->maps.elsewhere, 16);
	bpf_map__set_max_entries(gateway->maps.relays, 16);
	bpf_map__set_max_entries(gateway->maps.virtuals, 16);
	require(!gateway__load(gateway), "the programs load: run as root");
}

/* A peer whose tunnel is believed: 143.32.2.70, of host 10.128.0.2. */
static void admit(void)
{
	const struct mnat_arrival_key key = {htonl(0x8f200246), htonl(0x0a800002)};
	const uint64_t word = mnat_location(htonl(0x0a000105), MNAT_PATH_TRANSLATE, 0, 1);
	const uint32_t host = 65536 + HOST;

	require(!bpf_map_update_elem(bpf_map__fd(gateway->maps.arrivals), &key, &host, BPF_ANY) &&
			!bpf_map_update_elem(bpf_map__fd(gateway->maps.hosts), &host, &word, BPF_ANY),
		"an arrival");
}

static uint64_t counted(void)
{
	static struct mnat_counter values[MNAT_N_COUNTERS * MAX_CPUS];
	uint32_t keys[MNAT_N_COUNTERS], batch, n = MNAT_N_COUNTERS;
	int cpus = libbpf_num_possible_cpus();
	uint64_t total = 0;

	bpf_map_lookup_batch(bpf_map__fd(gateway->maps.counters), NULL, &batch, keys, values, &n,
			     NULL); /* -ENOENT: and that was all */
	require(n == MNAT_N_COUNTERS, "counters");
	for (uint32_t i = 0; i < n; i++)
		for (int cpu = 0; !is_event[keys[i]] && cpu < cpus; cpu++)
			total += values[i * (uint32_t)cpus + (uint32_t)cpu].packets;
	return total;
}

static uint32_t source(const uint8_t *frame)
{
	uint32_t addr;

	memcpy(&addr, frame + ETH_LEN + offsetof(struct iphdr, saddr), sizeof(addr));
	return ntohl(addr);
}

/* Whole, without trailing bytes and not a quotation: then packet_checksums_ok() can tell. */
static bool is_plain(const uint8_t *frame, size_t len)
{
	struct iphdr ip;

	memcpy(&ip, frame + ETH_LEN, sizeof(ip));
	return ip.version == 4 && ip.ihl >= 5 && !(ip.frag_off & htons(0x3fff)) &&
	       ETH_LEN + ntohs(ip.tot_len) == len && ntohs(ip.tot_len) >= ip.ihl * 4u + 20;
}

static void check_sent(const uint8_t *in, size_t in_len, const uint8_t *out, size_t out_len)
{
	require(out_len >= ETH_LEN + sizeof(struct iphdr), "a packet leaves");
	require(source(out) >> 16 != 0x0a00, "no inside address leaves");
	if (is_plain(in, in_len) && packet_checksums_ok(in, in_len) && is_plain(out, out_len))
		require(packet_checksums_ok(out, out_len), "checksums verify as on arrival");
}

/* Frames whose IP header is aligned. */
static _Alignas(4) uint8_t before_run[2 + PACKET_MAX], after_run[2 + PACKET_MAX + 256];

static void check(int prog_fd, const char *device, const uint8_t *given, size_t size)
{
	uint8_t *data = before_run + 2, *frame = after_run + 2;
	struct __sk_buff ctx = {.ifindex = if_nametoindex(device)};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = data, .data_size_in = (uint32_t)size,
		    .data_out = frame, .data_size_out = sizeof(after_run) - 2, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);
	uint64_t before = counted();

	memcpy(data, given, size);
	if (!(data[0] & 1)) /* what is flooded is tried by the tables */
		memcpy(data, prog_fd == bpf_program__fd(gateway->progs.gw_inside) ? mac_in : mac_out,
		       sizeof(mac_in));
	if (bpf_prog_test_run_opts(prog_fd, &opts))
		return; /* a frame the kernel itself does not take */
	require(opts.retval == OK || opts.retval == SHOT || opts.retval == REDIRECT, "a verdict");
	require(counted() == before + 1, "counted once");
	if (opts.retval == OK)
		require(opts.data_size_out == size && !memcmp(frame, data, size),
			"to the stack as it came");
	if (opts.retval == REDIRECT && prog_fd == bpf_program__fd(gateway->progs.gw_inside))
		check_sent(data, size, frame, opts.data_size_out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!gateway) {
		load();
		admit();
	}
	if (size < 1 + ETH_LEN + sizeof(struct iphdr) || size > PACKET_MAX)
		return 0;
	if (data[0] & 1)
		check(bpf_program__fd(gateway->progs.gw_outside), "out", data + 1, size - 1);
	else
		check(bpf_program__fd(gateway->progs.gw_inside), "in", data + 1, size - 1);
	return 0;
}
