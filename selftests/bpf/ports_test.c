// SPDX-License-Identifier: GPL-2.0-only
/* External addresses, blocks of ports, quotas and hold-down (RFC 4787, 6056, 6888, 7422). */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "accounts.h"
#include "gateway.h"

#define CN "128.59.16.149"
#define OTHER TEST_HOST + 1

static struct packet udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct packet){ .src = src, .sport = sport, .dst = dst, .dport = dport,
				.proto = IPPROTO_UDP, .payload = 20 };
}

/* Told by ICMP 3/13 (RFC 5508 REQ-8), the sender's packet goes nowhere. */
static struct run turned_down(struct run run)
{
	if (run.verdict == REDIRECT && run.frame[23] == IPPROTO_ICMP && run.frame[34] == 3 &&
	    run.frame[35] == 13)
		run.verdict = SHOT;
	return run;
}

static struct run new_session(struct gateway *g, const char *src, uint16_t sport)
{
	struct packet p = udp(src, sport, CN, 53);

	return turned_down(from_inside(g, &p));
}

static uint16_t source_port(const struct run *run)
{
	return (uint16_t)(run->frame[34] << 8 | run->frame[35]);
}

static uint32_t source_addr(const struct run *run)
{
	uint32_t addr;

	memcpy(&addr, run->frame + 26, sizeof(addr));
	return addr;
}

/* Two mobile hosts. */
static struct gateway *start(struct gateway_setup setup)
{
	struct gateway *g = gateway_start(setup);

	gateway_place(g, TEST_HOST, "10.0.1.5", 1);
	gateway_place(g, OTHER, "10.0.1.6", 1);
	return g;
}

/* All sessions end. */
static void sweep_all(struct gateway *g)
{
	while (gateway_sessions(g))
		gateway_sweep(g, gateway_now() + 8000);
}

/* ---- the pool ---- */

Test(pool, addresses_need_not_be_consecutive)
{
	struct gateway *g = gateway_start((struct gateway_setup){
		9000, 64, .n_ext = 3, .apart = "135.180.33.9" });
	static const char *const external[] = { "135.180.32.4", "135.180.32.5", "135.180.33.9" };
	static const char *const stranger[] = { "135.180.32.6", "135.180.33.8", "135.180.33.10" };
	char host[3][16];

	for (uint32_t i = 0; i < 3; i++) {
		struct packet in, want;
		struct run run;

		snprintf(host[i], sizeof(host[i]), "10.0.2.%u", 3 + i);
		run = new_session(g, host[i], 5000);
		cr_assert_eq(run.verdict, REDIRECT);
		for (int j = 0; j < 3; j++) {
			in = udp(CN, 53, external[j], source_port(&run));
			if (ip4(external[j]) != source_addr(&run))
				continue;
			want = udp(CN, 53, host[i], 5000);
			want.ttl = 63, want.smac = mac_in, want.dmac = mac_router;
			run = from_outside(g, &in);
			expect_frame(&run, &want, external[j]);
			break;
		}
		in = udp(CN, 53, stranger[i], 9000);
		cr_expect_eq(from_outside(g, &in).verdict, OK);
	}
	cr_expect_eq(gateway_count(g, MNAT_C_IN_TRANSLATED), 3, "one host an address");
	cr_expect_eq(gateway_count(g, MNAT_C_OTHER_ADDRESS), 3);
}

/* Paragraph 93's pool: to the last port of each address, each once, none outside. */
Test(pool, paragraph93)
{
	struct gateway *g = gateway_start((struct gateway_setup){
		8000, 2001, .external = "135.180.32.1", .n_ext = 7, .max_sessions = 16384 });
	static uint8_t taken[7][65536];

	for (uint32_t i = 0; i < 7 * 2001; i++) {
		char src[16];
		struct run run;
		uint32_t addr;

		snprintf(src, sizeof(src), "10.0.3.%u", 1 + i % 7);
		run = new_session(g, src, (uint16_t)(10000 + i));
		cr_assert_eq(run.verdict, REDIRECT, "session %u", i);
		addr = ntohl(source_addr(&run)) - ntohl(ip4("135.180.32.1"));
		cr_assert_lt(addr, 7);
		cr_assert(source_port(&run) >= 8000 && source_port(&run) <= 10000);
		cr_assert_eq(taken[addr][source_port(&run)]++, 0, "given twice");
	}
	cr_expect_eq(new_session(g, "10.0.3.1", 9).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_PORTS_EXHAUSTED), 1);
	cr_expect_eq(gateway_count(g, MNAT_C_BLOCK_TAKEN), 7 * 32);
}

/* Each address has the ports of its own range, and no others, to the last. */
Test(pool, addresses_with_ports_of_their_own)
{
	struct gateway *g = gateway_start((struct gateway_setup){
		8000, 100, .n_ext = 3, .apart = "135.180.33.9", .apart_port_first = 20010,
		.apart_n_ports = 300, .arbitrary = true, .max_sessions = 1024 });
	static const struct { const char *addr; uint16_t first, last; } external[] = {
		{ "135.180.32.4", 8000, 8099 }, { "135.180.32.5", 8000, 8099 },
		{ "135.180.33.9", 20010, 20309 } };
	static uint8_t taken[3][65536];
	struct packet in;

	for (uint16_t i = 0; i < 500; i++) {
		struct run run = new_session(g, "10.0.3.1", (uint16_t)(2000 + i));
		uint16_t port = source_port(&run);
		int a = 0;

		cr_assert_eq(run.verdict, REDIRECT, "session %u", i);
		while (a < 2 && ip4(external[a].addr) != source_addr(&run))
			a++;
		cr_assert(port >= external[a].first && port <= external[a].last, "port %u", port);
		cr_assert_eq(taken[a][port]++, 0, "given twice");
		in = udp(CN, 53, external[a].addr, port);
		cr_assert_eq(from_outside(g, &in).verdict, REDIRECT, "the answer to port %u", port);
	}
	cr_expect_eq(new_session(g, "10.0.3.1", 9).verdict, SHOT, "all 500 are taken");
	for (int a = 0; a < 3; a++)
		for (int b = 0; b < 4; b++) {
			const uint16_t outside[] = { (uint16_t)(external[a].first - 1),
						     (uint16_t)(external[a].last + 1),
						     external[2 - a].first, 1 };

			in = udp(CN, 53, external[a].addr, outside[b]);
			cr_expect_eq(from_outside(g, &in).verdict,
				     a == 1 && b == 2 ? REDIRECT : OK, "%s:%u", external[a].addr,
				     outside[b]);
		}
	accounts_check(g);
}

/* The ports of the gateway's own daemons are no host's; all others are given. */
Test(pool, our_own_ports_are_left_out)
{
	static const uint32_t blocks[] = { 2, 4, 16 };

	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
		struct gateway *g = start((struct gateway_setup){
			7616, 16, .block = blocks[i], .arbitrary = true });
		uint32_t seen = 0;

		for (uint16_t n = 0; n < 14; n++) {
			struct run run = new_session(g, "10.0.1.5", (uint16_t)(2000 + n));

			cr_assert_eq(run.verdict, REDIRECT, "%u of blocks of %u", n, blocks[i]);
			seen |= 1u << (source_port(&run) - 7616);
		}
		cr_expect_eq(seen, 0xffff & ~(3u << 10), "%x", seen);
		cr_expect_eq(new_session(g, "10.0.1.5", 3000).verdict, SHOT);
		accounts_check(g);
	}
}

/* Where addresses differ, hosts come to each in proportion; in pairs with it for good. */
Test(pool, hosts_in_proportion)
{
	struct gateway *g = gateway_start((struct gateway_setup){
		8000, 64, .n_ext = 2, .apart = "135.180.33.9", .apart_port_first = 8000,
		.apart_n_ports = 192, .max_sessions = 256 });
	uint32_t hosts[2] = {};

	for (uint32_t i = 0; i < 4; i++) {
		char src[16];
		struct run run;

		snprintf(src, sizeof(src), "10.0.3.%u", 1 + i);
		run = new_session(g, src, 5000);
		cr_assert_eq(run.verdict, REDIRECT, "a block for each host");
		hosts[source_addr(&run) == ip4("135.180.33.9")]++;
	}
	cr_expect_eq(hosts[0], 1);
	cr_expect_eq(hosts[1], 3);
	accounts_check(g);
}

/* RFC 4787 REQ-3a: inside ports below 1024 have external ones below 1024, while there are. */
Test(pool, well_known_ports_are_a_class)
{
	struct gateway *g = start((struct gateway_setup){ 960, 192, .max_sessions = 256 });
	struct run run;

	for (uint16_t i = 0; i < 128; i++) {
		run = new_session(g, "10.0.1.5", (uint16_t)(2000 + i));
		cr_assert_eq(run.verdict, REDIRECT);
		cr_assert_geq(source_port(&run), 1024);
	}
	cr_expect_eq(new_session(g, "10.0.1.5", 3000).verdict, SHOT, "low ports are not for it");
	for (uint16_t i = 0; i < 64; i++) {
		run = new_session(g, "10.0.1.5", (uint16_t)(500 + i));
		cr_assert_eq(run.verdict, REDIRECT);
		cr_assert_lt(source_port(&run), 1024);
	}
	sweep_all(g);
	for (uint16_t i = 0; i < 65; i++)
		run = new_session(g, "10.0.1.5", (uint16_t)(500 + i));
	cr_expect_eq(run.verdict, REDIRECT, "rather another class than none");
	cr_expect_geq(source_port(&run), 1024);
}

/* pooling = arbitrary: a host whose address has no block left gets one of another. */
Test(pool, arbitrary)
{
	struct gateway *paired = start((struct gateway_setup){ 8000, 64, .n_ext = 2,
							       .max_sessions = 256 });
	uint16_t i;

	for (i = 0; i < 64; i++)
		cr_assert_eq(new_session(paired, "10.0.1.5", (uint16_t)(2000 + i)).verdict, REDIRECT);
	cr_expect_eq(new_session(paired, "10.0.1.5", 3000).verdict, SHOT);
}

Test(pool, arbitrary_goes_on)
{
	struct gateway *g = start((struct gateway_setup){ 8000, 64, .n_ext = 2, .arbitrary = true,
							  .max_sessions = 256 });

	for (uint16_t i = 0; i < 128; i++)
		cr_assert_eq(new_session(g, "10.0.1.5", (uint16_t)(2000 + i)).verdict, REDIRECT);
	cr_expect_eq(new_session(g, "10.0.1.5", 3000).verdict, SHOT);
	accounts_check(g);
}

/* ---- blocks ---- */

/* A host fills a block before it takes another; nobody else is in it. */
Test(blocks, one_host_each)
{
	struct gateway *g = start((struct gateway_setup){ 8000, 640, .max_sessions = 1024 });
	uint32_t owner[10] = {};

	for (uint16_t i = 0; i < 192; i++)
		for (uint32_t host = 1; host <= 2; host++) {
			struct run run = new_session(g, host == 1 ? "10.0.1.5" : "10.0.1.6",
						     (uint16_t)(2000 + i));
			uint32_t block;

			cr_assert_eq(run.verdict, REDIRECT);
			block = (source_port(&run) - 8000u) / 64;
			cr_assert(!owner[block] || owner[block] == host);
			owner[block] = host;
		}
	cr_expect_eq(gateway_count(g, MNAT_C_BLOCK_TAKEN), 6, "192 ports are three blocks");
	cr_expect_eq(accounts_use(g, TEST_HOST).blocks, 3);
	cr_expect_eq(accounts_use(g, TEST_HOST).ports[MNAT_UDP], 192);
	accounts_check(g);
}

/* A block is for all protocols. */
Test(blocks, all_protocols)
{
	struct gateway *g = start((struct gateway_setup){ 8000, 640 });
	struct packet tcp = { .src = "10.0.1.5", .dst = CN, .sport = 5004, .dport = 53,
			      .proto = IPPROTO_TCP, .tcp_flags = F_SYN };
	struct packet ping = { .src = "10.0.1.5", .dst = CN, .sport = 77, .proto = IPPROTO_ICMP,
			       .icmp_type = 8 };

	new_session(g, "10.0.1.5", 5004);
	cr_expect_eq(from_inside(g, &tcp).verdict, REDIRECT);
	cr_expect_eq(from_inside(g, &ping).verdict, REDIRECT);
	cr_expect_eq(gateway_count(g, MNAT_C_BLOCK_TAKEN), 1);
	accounts_check(g);
	sweep_all(g);
	cr_expect_eq(gateway_count(g, MNAT_C_BLOCK_FREED), 1);
	accounts_check(g);
}

/* Which ports of a block a host gets is not to be foretold (RFC 6056). */
Test(blocks, ports_are_random)
{
	struct gateway *g = start((struct gateway_setup){ 8000, 512, .block = 512,
							  .max_sessions = 256 });
	int rising = 0;
	uint16_t before = 0;

	for (uint16_t i = 0; i < 200; i++) {
		struct run run = new_session(g, "10.0.1.5", (uint16_t)(2000 + i));

		rising += source_port(&run) > before;
		before = source_port(&run);
	}
	cr_expect(rising > 60 && rising < 140, "%d of 200 are higher than the one before", rising);
}

static void age_blocks(struct gateway *g, uint32_t seconds)
{
	struct mnat_block *blocks = accounts_blocks(g);

	for (uint32_t i = 0; i < accounts_config(g).n_blocks; i++)
		if (blocks[i].released)
			blocks[i].released -= seconds;
}

/* RFC 6888 REQ-8 */
Test(blocks, hold_down)
{
	struct gateway *g = start((struct gateway_setup){ 8000, 64 });

	cr_assert_eq(new_session(g, "10.0.1.5", 5000).verdict, REDIRECT);
	sweep_all(g);
	cr_expect_eq(new_session(g, "10.0.1.6", 5000).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_PORTS_EXHAUSTED), 1);
	cr_expect_eq(new_session(g, "10.0.1.5", 5000).verdict, REDIRECT, "its own at once");
	sweep_all(g);
	age_blocks(g, 118);
	cr_expect_eq(new_session(g, "10.0.1.6", 5000).verdict, SHOT);
	age_blocks(g, 3);
	cr_expect_eq(new_session(g, "10.0.1.6", 5000).verdict, REDIRECT);
	cr_expect_eq(new_session(g, "10.0.1.5", 5000).verdict, SHOT, "now it is the other's");
	accounts_check(g);
}

/* 95 of 100 blocks are others': every session of five more hosts succeeds, none is evicted. */
Test(blocks, nearly_full)
{
	struct gateway *g = gateway_start((struct gateway_setup){ 8000, 400, .block = 4,
								  .max_sessions = 1024 });
	char src[16];

	for (uint32_t i = 0; i < 100; i++)
		for (uint16_t port = 0; port < 4; port++) {
			snprintf(src, sizeof(src), "10.0.4.%u", i);
			cr_assert_eq(new_session(g, src, (uint16_t)(5000 + port)).verdict, REDIRECT,
				     "host %u", i);
		}
	cr_expect_eq(new_session(g, "10.0.4.200", 5000).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_PORTS_EXHAUSTED), 1);
	cr_expect_eq(gateway_sessions(g), 400);
	accounts_check(g);
	sweep_all(g);
	age_blocks(g, 120);
	cr_expect_eq(new_session(g, "10.0.4.200", 5000).verdict, REDIRECT, "recovered");
	accounts_check(g);
}

/* ---- quotas ---- */

Test(quotas, ports)
{
	struct gateway *g = start((struct gateway_setup){ 8000, 640, .max_ports = 128,
							  .max_sessions = 1024 });

	for (uint16_t i = 0; i < 128; i++)
		cr_assert_eq(new_session(g, "10.0.1.5", (uint16_t)(2000 + i)).verdict, REDIRECT);
	for (uint16_t i = 0; i < 50; i++)
		cr_assert_eq(new_session(g, "10.0.1.5", (uint16_t)(3000 + i)).verdict, SHOT);
	cr_expect_eq(gateway_count(g, MNAT_C_PORTS_QUOTA), 50);
	cr_expect_eq(new_session(g, "10.0.1.6", 2000).verdict, REDIRECT, "another host does not care");
	cr_expect_eq(new_session(g, "10.0.1.5", 2000).verdict, REDIRECT, "nor its old sessions");
	accounts_check(g);
	sweep_all(g);
	cr_expect_eq(new_session(g, "10.0.1.5", 3000).verdict, REDIRECT);
	accounts_check(g);
}

Test(quotas, sessions)
{
	struct gateway *g = start((struct gateway_setup){ 8000, 64, .max_host_sessions = 10 });

	for (uint16_t i = 0; i < 20; i++) {
		struct packet p = udp("10.0.1.5", 5000, CN, (uint16_t)(1 + i));

		cr_assert_eq(turned_down(from_inside(g, &p)).verdict, i < 10 ? REDIRECT : SHOT);
	}
	cr_expect_eq(gateway_count(g, MNAT_C_SESSIONS_QUOTA), 10);
	cr_expect_eq(accounts_use(g, TEST_HOST).sessions, 10);
	accounts_check(g);
	sweep_all(g);
	cr_expect_eq(accounts_use(g, TEST_HOST).sessions, 0);
}

/* RFC 7422: who has a port follows from the port. */
Test(quotas, deterministic)
{
	struct gateway *g = gateway_start((struct gateway_setup){
		8000, 640, .n_ext = 2, .block = 4, .fixed = 2, .max_ports = 8, .max_sessions = 4096 });
	char src[16];

	/* 80 hosts an address; host 1 is 10.0.0.0 */
	for (uint32_t i = 0; i < 160; i++)
		for (uint16_t port = 0; port < 9; port++) {
			struct run run;

			snprintf(src, sizeof(src), "10.0.0.%u", i);
			run = new_session(g, src, (uint16_t)(5000 + port));
			cr_assert_eq(run.verdict, port < 8 ? REDIRECT : SHOT);
			if (port == 8)
				continue;
			cr_assert_eq(ntohl(source_addr(&run)), 0x87b42004 + i / 80);
			cr_assert_eq((source_port(&run) - 8000u) / 8, i % 80);
		}
	cr_expect_eq(gateway_count(g, MNAT_C_PORTS_QUOTA), 160);
	accounts_check(g);
}

/* ---- what is logged ---- */

#define N_SEEN 64 /* the last ones */
static struct mnat_event seen[N_SEEN];
static uint32_t n_seen;

static int on_event(void *user, void *data, size_t size)
{
	cr_assert_eq(size, sizeof(struct mnat_event));
	memcpy(&seen[n_seen++ % N_SEEN], data, size);
	return 0;
}

Test(events, blocks)
{
	struct gateway *g = start((struct gateway_setup){ 8000, 64 });
	struct ring_buffer *ring = ring_buffer__new(gateway_map(g, "events"), on_event, NULL, NULL);
	uint32_t now = gateway_now();

	cr_assert_not_null(ring);
	new_session(g, "10.0.1.5", 5000);
	new_session(g, "10.0.1.5", 5001);
	sweep_all(g);
	ring_buffer__consume(ring);
	cr_assert_eq(n_seen, 2);
	cr_expect_eq(seen[0].kind, MNAT_EVENT_BLOCK_TAKEN);
	cr_expect_eq(seen[1].kind, MNAT_EVENT_BLOCK_FREED);
	for (uint32_t i = 0; i < 2; i++) {
		cr_expect_eq(seen[i].host, TEST_HOST);
		cr_expect_eq(seen[i].block, 0);
		cr_expect(seen[i].seconds - now < 60);
		cr_expect_eq(seen[i].lost, 0);
	}
}

/* Nobody reads: what does not fit is counted, and the next that fits tells how many. */
Test(events, losses_are_told)
{
	struct gateway *g = start((struct gateway_setup){ 8000, 64 });
	const uint64_t room = (1 << 18) / 32;
	struct ring_buffer *ring;
	uint64_t lost;

	for (uint64_t i = 0; i < room; i++) {
		new_session(g, "10.0.1.5", 5000);
		sweep_all(g);
	}
	lost = gateway_count(g, MNAT_C_LOG_LOST);
	cr_expect(lost >= room && lost <= room + 2, "%lu of %lu", lost, 2 * room);
	ring = ring_buffer__new(gateway_map(g, "events"), on_event, NULL, NULL);
	cr_assert_not_null(ring);
	ring_buffer__consume(ring);
	cr_expect_eq(n_seen + lost, 2 * room);
	n_seen = 0;
	new_session(g, "10.0.1.5", 5000);
	ring_buffer__consume(ring);
	cr_assert_eq(n_seen, 1);
	cr_expect_eq(seen[0].lost, lost);
}
