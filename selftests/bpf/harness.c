// SPDX-License-Identifier: GPL-2.0-only
#include "harness.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t mac_in[6] = { 2, 0, 0, 0, 0, 1 }, mac_out[6] = { 2, 0, 0, 0, 0, 2 };
const uint8_t mac_router[6] = { 2, 0, 0, 0, 1, 1 }, mac_isp[6] = { 2, 0, 0, 0, 1, 2 };
const uint8_t mac_another[6] = { 2, 0, 0, 0, 1, 9 };

void harness_network(void)
{
	static const char script[] =
		"ip link add in address 02:00:00:00:00:01 type veth peer name in-peer &&"
		"ip link add out address 02:00:00:00:00:02 type veth peer name out-peer &&"
		"for d in in in-peer out out-peer; do ip link set $d up || exit 1; done;"
		"ip addr add 10.0.0.1/24 dev in && ip addr add 135.180.32.2/24 dev out &&"
		"ip route add 10.0.0.0/16 via 10.0.0.11 && ip route add 10.10.0.0/16 via 10.0.0.11 &&"
		"ip route add default via 135.180.32.1 &&"
		"ip neigh add 10.0.0.11 lladdr 02:00:00:00:01:01 dev in &&"
		"ip neigh add 135.180.32.1 lladdr 02:00:00:00:01:02 dev out &&"
		"ip neigh add 135.180.32.4 lladdr 02:00:00:00:01:02 dev out &&"
		"echo 1 >/proc/sys/net/ipv4/ip_forward";

	cr_assert_eq(unshare(CLONE_NEWNET), 0, "unshare: %s (run as root)", strerror(errno));
	cr_assert_eq(system(script), 0, "cannot set the test network up");
}

int harness_in(void)
{
	return (int)if_nametoindex("in");
}

int harness_out(void)
{
	return (int)if_nametoindex("out");
}

/*
 * A frame comes in addressed to the interface, whatever a table says: rows are written as
 * the next link would see them. What is left alone comes back as the row has it.
 */
static const uint8_t *own_mac(int ifindex)
{
	return ifindex == harness_in() ? mac_in : mac_out;
}

static bool is_kept(const uint8_t *frame)
{
	return frame[0] & 1 || !memcmp(frame, mac_another, 6);
}

const uint8_t *harness_address(int ifindex, uint8_t space[PACKET_MAX], const uint8_t *frame,
			       size_t len)
{
	if (ifindex <= 1 || len < 14 || len > PACKET_MAX || is_kept(frame))
		return frame;
	memcpy(space, own_mac(ifindex), 6);
	return memcpy(space + 6, frame + 6, len - 6) - 6;
}

void harness_unaddress(int ifindex, uint8_t *result, const uint8_t *frame)
{
	if (!memcmp(result, own_mac(ifindex), 6))
		memcpy(result, frame, 6);
}

struct run harness_run(int prog_fd, int ifindex, const uint8_t *frame, size_t len)
{
	uint8_t space[PACKET_MAX];
	const uint8_t *addressed = harness_address(ifindex, space, frame, len);
	struct __sk_buff ctx = { .ifindex = (uint32_t)ifindex };
	struct run run = {};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = addressed,
			    .data_size_in = (uint32_t)len, .data_out = run.frame,
			    .data_size_out = sizeof(run.frame), .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .repeat = 1);
	int r = bpf_prog_test_run_opts(prog_fd, &opts);

	cr_assert_eq(r, 0, "BPF_PROG_TEST_RUN of %zu bytes: %s", len, strerror(-r));
	run.verdict = (int)opts.retval;
	run.len = opts.data_size_out;
	if (addressed != frame)
		harness_unaddress(ifindex, run.frame, frame);
	return run;
}

struct run harness_run_packet(int prog_fd, int ifindex, const struct packet *p)
{
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(p, frame);

	return harness_run(prog_fd, ifindex, frame, len);
}

uint64_t harness_count(int counters_fd, enum mnat_counter_id id)
{
	int cpus = libbpf_num_possible_cpus();
	struct mnat_counter values[256];
	uint32_t key = id;
	uint64_t total = 0;

	cr_assert(cpus > 0 && cpus <= 256);
	cr_assert_eq(bpf_map_lookup_elem(counters_fd, &key, values), 0);
	for (int i = 0; i < cpus; i++)
		total += values[i].packets;
	return total;
}

uint32_t ip4(const char *text)
{
	struct in_addr addr;

	cr_assert_eq(inet_pton(AF_INET, text, &addr), 1);
	return addr.s_addr;
}

static void dump(const char *what, const uint8_t *p, size_t len)
{
	fprintf(stderr, "%-8s", what);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%s%02x", i % 2 ? "" : " ", p[i]);
	fputc('\n', stderr);
}

struct packet with_id_of(const struct run *run, const struct packet *p)
{
	struct packet want = *p;

	if (want.smac != mac_out || want.frag || want.ours || run->len < 34)
		return want;
	want.id = (uint16_t)(run->frame[18] << 8 | run->frame[19]);
	want.id_zero = !want.id;
	return want;
}

void expect_frame(const struct run *run, const struct packet *p, const char *what)
{
	struct packet want = with_id_of(run, p);
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(&want, frame);

	if (run->len != len || memcmp(run->frame, frame, len)) {
		dump("want", frame, len);
		dump("got", run->frame, run->len);
	}
	cr_assert_eq(run->len, len, "%s: length %zu, expected %zu", what, run->len, len);
	cr_assert_arr_eq(run->frame, frame, len, "%s: bytes differ", what);
	cr_assert(packet_checksums_ok(run->frame, run->len), "%s: checksum wrong", what);
}
