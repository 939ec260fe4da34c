// SPDX-License-Identifier: GPL-2.0-only
/* The shim's rows for ARP: S6-S13 of features 5.5, table 6.3 and ruling C9. */
#include <criterion/criterion.h>
#include <string.h>

#include "node.h"

#define V "10.128.0.2"
#define A "10.0.1.5"
#define REQUEST 1
#define REPLY 2

static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
static const uint8_t dummy[6] = { 2, 0x4d, 0x4e, 0x54, 0xfe, 0 };

struct row {
	const char *what;
	struct arp_packet packet;
	struct arp_packet want; /* eth_src NULL: dropped or passed unchanged */
	int verdict;
	enum mnat_counter_id counter;
};

static void check(struct node *n, const struct row *row, bool out)
{
	uint64_t before = node_count(n, row->counter), all = node_count_all(n);
	uint8_t frame[PACKET_MAX], want[PACKET_MAX];
	size_t len = packet_build_arp(&row->packet, frame);
	struct run run = out ? node_out(n, frame, len) : node_in(n, frame, len);

	packet_build_arp(row->want.eth_src ? &row->want : &row->packet, want);
	cr_expect_eq(run.verdict, row->verdict, "%s: verdict %d", row->what, run.verdict);
	cr_expect_eq(node_count(n, row->counter), before + 1, "%s: not counted", row->what);
	cr_expect_eq(node_count_all(n), all + 1, "%s: counted twice", row->what);
	cr_expect_arr_eq(run.frame, want, len, "%s: bytes differ", row->what);
}

/* The stack asks; target says for whom. */
static struct arp_packet asks(const char *target)
{
	return (struct arp_packet){ REQUEST, mac_device, broadcast, mac_device, V, NULL, target };
}

/* The shim answers the stack that target is at mac. */
static struct arp_packet answers(const char *target, const uint8_t *mac)
{
	return (struct arp_packet){ REPLY, mac, mac_device, mac, target, mac_device, V };
}

Test(arp, stack_asks)
{
	struct node *n = node_start();
	const struct row rows[] = {
		{ "for its gateway (S6)", asks("10.0.0.1"), answers("10.0.0.1", mac_gateway),
		  REDIRECT, MNAT_C_ARP_GATEWAY },
		{ "for the real gateway", asks("10.0.1.1"), answers("10.0.1.1", mac_gateway),
		  REDIRECT, MNAT_C_ARP_GATEWAY },
		{ "off the link (S7)", asks("10.0.2.9"), answers("10.0.2.9", mac_gateway), REDIRECT,
		  MNAT_C_ARP_OFF_LINK },
		{ "on the link (S8, C9)", asks("10.0.1.9"),
		  { REQUEST, mac_node, broadcast, mac_node, A, NULL, "10.0.1.9" }, REDIRECT,
		  MNAT_C_ARP_ON_LINK },
		{ "for itself", asks(V), {}, SHOT, MNAT_C_ARP_OTHER },
		{ "a reply of the stack (S9)",
		  { REPLY, mac_device, mac_neighbour, mac_device, V, mac_neighbour, "10.0.1.9" },
		  {}, SHOT, MNAT_C_ARP_REPLY_OUT },
		{ "another operation", { 3, mac_device, broadcast, mac_device, V, NULL, A }, {}, SHOT,
		  MNAT_C_ARP_OTHER },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(n, &rows[i], true);
}

/* Before the gateway is known the stack gets a dummy: packets are addressed by the shim. */
Test(arp, gateway_not_known_yet)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);
	const struct row row = { "dummy (S25)", asks("10.0.0.1"), answers("10.0.0.1", dummy),
				 REDIRECT, MNAT_C_ARP_GATEWAY };

	shim.gateway_mac = 0;
	node_put(n, &shim);
	check(n, &row, true);
}

Test(arp, wire)
{
	struct node *n = node_start();
	const struct row rows[] = {
		{ "asks for A (S10)",
		  { REQUEST, mac_neighbour, broadcast, mac_neighbour, "10.0.1.9", NULL, A },
		  { REPLY, mac_node, mac_neighbour, mac_node, A, mac_neighbour, "10.0.1.9" },
		  REDIRECT, MNAT_C_ARP_ANSWERED },
		{ "asks for V (S11)",
		  { REQUEST, mac_neighbour, broadcast, mac_neighbour, "10.0.1.9", NULL, V }, {},
		  SHOT, MNAT_C_ARP_OTHER },
		{ "asks for another (S11)",
		  { REQUEST, mac_neighbour, broadcast, mac_neighbour, "10.0.1.9", NULL, "10.0.1.7" },
		  {}, SHOT, MNAT_C_ARP_OTHER },
		{ "neighbour answers A (C9)",
		  { REPLY, mac_neighbour, mac_node, mac_neighbour, "10.0.1.9", mac_node, A },
		  { REPLY, mac_neighbour, mac_device, mac_neighbour, "10.0.1.9", mac_device, V },
		  REDIRECT, MNAT_C_ARP_TO_STACK },
		{ "neighbour answers V (S13)",
		  { REPLY, mac_neighbour, mac_node, mac_neighbour, "10.0.1.9", mac_node, V },
		  { REPLY, mac_neighbour, mac_device, mac_neighbour, "10.0.1.9", mac_device, V },
		  REDIRECT, MNAT_C_ARP_TO_STACK },
		{ "answers someone else",
		  { REPLY, mac_neighbour, mac_node, mac_neighbour, "10.0.1.9", mac_node, "10.0.1.7" },
		  {}, OK, MNAT_C_ARP_TO_DAEMON },
		{ "answers a probe of the next network",
		  { REPLY, mac_neighbour, mac_node, mac_neighbour, "10.0.2.1", mac_node, "0.0.0.0" },
		  {}, OK, MNAT_C_ARP_TO_DAEMON },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(n, &rows[i], false);
}

/* S12, and the threat model: only an answer to our own question changes the gateway. */
Test(arp, gateway_is_learnt_only_when_asked)
{
	struct node *n = node_start();
	struct mnat_shim shim = node_shim(n);
	const struct row forged = {
		"unsolicited", { REPLY, mac_neighbour, mac_node, mac_neighbour, "10.0.1.1", mac_node, A },
		{}, SHOT, MNAT_C_ARP_UNSOLICITED
	};
	const struct row learnt = {
		"solicited", { REPLY, mac_neighbour, mac_node, mac_neighbour, "10.0.1.1", mac_node, A },
		{}, OK, MNAT_C_ARP_LEARNED
	};

	check(n, &forged, false);
	cr_expect_arr_eq((uint8_t *)&(uint64_t){ node_shim(n).gateway_mac }, mac_gateway, 6);
	shim.arp_pending = 1;
	node_put(n, &shim);
	check(n, &learnt, false);
	cr_expect_arr_eq((uint8_t *)&(uint64_t){ node_shim(n).gateway_mac }, mac_neighbour, 6);
	check(n, &forged, false);
}

Test(arp, malformed)
{
	struct node *n = node_start();
	struct arp_packet p = asks("10.0.0.1");
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build_arp(&p, frame);

	for (size_t cut = 20; cut < len; cut++) {
		cr_expect_eq(node_out(n, frame, cut).verdict, SHOT, "cut to %zu", cut);
		cr_expect_eq(node_in(n, frame, cut).verdict, SHOT, "cut to %zu", cut);
	}
	for (size_t field = 14; field < 20; field++) {
		packet_build_arp(&p, frame);
		frame[field] ^= 0x20;
		cr_expect_eq(node_out(n, frame, len).verdict, SHOT, "byte %zu", field);
	}
	cr_expect_eq(node_count(n, MNAT_C_ARP_MALFORMED), 2 * (len - 20) + 6);
}
