// SPDX-License-Identifier: GPL-2.0-only
/* Answers as servers send them, and as no sound server does: through the real codec. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "mnat/addr.h"
#include "reply.h"

static const struct dhcp_codec codec = {DHCP_ENTERPRISE_DEFAULT, DHCP_SEED_OPTION_DEFAULT};
static struct dhcp_message message;

static struct in_addr ip(const char *text)
{
	struct in_addr addr;

	cr_assert_eq(mnat_parse_ip(text, &addr), 0);
	return addr;
}

/* NULL or 0: the option is left out. */
struct sent {
	enum dhcp_type type;
	const char *yiaddr, *server, *mask, *router, *shim;
	uint32_t lease, t1, t2;
	const char *text;
	uint8_t mode;
};

/* A whole ACK's values, in the order of struct sent. */
#define YOU    "10.0.1.5"
#define SERVER "10.0.0.1"
#define MASK   "255.255.255.0"
#define ROUTER "10.0.1.1"
#define SHIM   "10.128.0.2"
#define LEASE  3600

static struct sent whole_ack(void)
{
	return (struct sent){DHCP_ACK, YOU, SERVER, MASK, ROUTER, SHIM, LEASE};
}

static void put_ip(struct dhcp_builder *b, uint8_t code, const char *text)
{
	if (text)
		dhcp_put_ip(b, code, ip(text));
}

static void put_seconds(struct dhcp_builder *b, uint8_t code, uint32_t seconds)
{
	if (seconds)
		dhcp_put_u32(b, code, seconds);
}

static int decode(const struct sent *sent, struct reply *ret_reply)
{
	struct dhcp_header header = {.op = DHCP_BOOTREPLY, .htype = 1, .hlen = 6, .xid = htonl(77)};
	const char *why = NULL;
	struct dhcp_builder b;
	uint8_t buf[1024];
	size_t len;
	int r;

	if (sent->yiaddr)
		header.yiaddr = ip(sent->yiaddr);
	dhcp_build(&b, buf, sizeof(buf), &header, sent->type);
	put_ip(&b, DHCP_OPT_SERVER_ID, sent->server);
	put_ip(&b, DHCP_OPT_MASK, sent->mask);
	put_ip(&b, DHCP_OPT_ROUTER, sent->router);
	put_seconds(&b, DHCP_OPT_LEASE_TIME, sent->lease);
	put_seconds(&b, DHCP_OPT_T1, sent->t1);
	put_seconds(&b, DHCP_OPT_T2, sent->t2);
	if (sent->text)
		dhcp_put(&b, DHCP_OPT_MESSAGE, sent->text, strlen(sent->text));
	if (sent->shim) {
		const struct dhcp_mnat mnat = {.shim = ip(sent->shim),
					       .manager = ip("10.0.0.1"),
					       .mode = sent->mode,
					       .gateway = ip("135.180.32.4")};

		dhcp_put_mnat(&b, &codec, DHCP_SHIM_VIVSO, &mnat);
	}
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	if (dhcp_parse(&codec, DHCP_BOOTREPLY, buf, len, &message) != DHCP_E_NONE)
		return -EBADMSG; /* the codec has noticed already */
	r = reply_decode(&message, ret_reply, &why);
	cr_assert_eq(r == 0, why == NULL);
	return r;
}

Test(reply, a_whole_ack)
{
	struct sent sent = whole_ack();
	struct reply reply;

	cr_assert_eq(decode(&sent, &reply), 0);
	cr_assert_eq(reply.type, DHCP_ACK);
	cr_assert_eq(reply.xid, 77);
	cr_assert_eq(reply.lease.actual.s_addr, ip("10.0.1.5").s_addr);
	cr_assert_eq(reply.lease.virt.s_addr, ip("10.128.0.2").s_addr);
	cr_assert_eq(reply.lease.manager.s_addr, ip("10.0.0.1").s_addr);
	cr_assert_eq(reply.lease.router.s_addr, ip("10.0.1.1").s_addr);
	cr_assert_eq(reply.lease.server.s_addr, ip("10.0.0.1").s_addr);
	cr_assert(reply.lease.mobile);
	cr_assert_eq(reply.lease.t1_s, 1800);
	cr_assert_eq(reply.lease.t2_s, 3150);
}

/* A tunnel's end counts only where the domain grants the mode. */
Test(reply, tunnel_mode)
{
	struct sent sent = whole_ack();
	struct reply reply;

	sent.mode = DHCP_MODE_TUNNEL;
	cr_assert_eq(decode(&sent, &reply), 0);
	cr_expect_eq(reply.lease.tunnel.s_addr, ip("135.180.32.4").s_addr);
	sent.mode = DHCP_MODE_TRANSLATE;
	cr_assert_eq(decode(&sent, &reply), 0);
	cr_expect_eq(reply.lease.tunnel.s_addr, 0);
}

Test(reply, without_the_option_the_actual_address_is_all_there_is)
{
	struct sent sent = whole_ack();
	struct reply reply;

	sent.shim = NULL;
	cr_assert_eq(decode(&sent, &reply), 0);
	cr_assert_not(reply.lease.mobile);
	cr_assert_eq(reply.lease.virt.s_addr, reply.lease.actual.s_addr);
}

Test(reply, times_that_make_no_sense_give_way_to_the_usual_fractions)
{
	static const struct {
		uint32_t t1, t2, want_t1, want_t2;
	} rows[] = {
		{1000, 2000, 1000, 2000}, {0, 0, 1800, 3150},	 {2000, 1000, 500, 1000},
		{3600, 4000, 1800, 3150}, {0, 3600, 1800, 3150},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sent sent = whole_ack();
		struct reply reply;

		sent.t1 = rows[i].t1;
		sent.t2 = rows[i].t2;
		cr_assert_eq(decode(&sent, &reply), 0);
		cr_expect_eq(reply.lease.t1_s, rows[i].want_t1, "row %zu: T1 %u", i,
			     reply.lease.t1_s);
		cr_expect_eq(reply.lease.t2_s, rows[i].want_t2, "row %zu: T2 %u", i,
			     reply.lease.t2_s);
	}
}

Test(reply, nak_needs_only_the_server_and_its_text_is_made_printable)
{
	struct sent sent = {.type = DHCP_NAK, .server = "10.0.0.1", .text = "not\x1b[1m here"};
	struct reply reply;

	cr_assert_eq(decode(&sent, &reply), 0);
	cr_assert_str_eq(reply.text, "not?[1m here");
}

Test(reply, malformed_answers_are_refused_and_nothing_is_written)
{
	static const struct sent rows[] = {
		{DHCP_ACK, YOU, NULL, MASK, ROUTER, SHIM, LEASE},
		{DHCP_ACK, YOU, "0.0.0.0", MASK, ROUTER, SHIM, LEASE},
		{DHCP_ACK, YOU, "255.255.255.255", MASK, ROUTER, SHIM, LEASE},
		{DHCP_ACK, NULL, SERVER, MASK, ROUTER, SHIM, LEASE},
		{DHCP_ACK, "127.0.0.1", SERVER, MASK, ROUTER, SHIM, LEASE},
		{DHCP_ACK, "224.0.0.1", SERVER, MASK, ROUTER, SHIM, LEASE},
		{DHCP_ACK, "255.255.255.255", SERVER, MASK, ROUTER, SHIM, LEASE},
		{DHCP_ACK, YOU, SERVER, NULL, ROUTER, SHIM, LEASE},
		{DHCP_ACK, YOU, SERVER, "0.0.0.0", ROUTER, SHIM, LEASE},
		{DHCP_ACK, YOU, SERVER, "255.0.255.0", ROUTER, SHIM, LEASE},
		{DHCP_ACK, YOU, SERVER, MASK, ROUTER, SHIM, 0},
		{DHCP_ACK, YOU, SERVER, MASK, "239.1.1.1", SHIM, LEASE},
		{DHCP_ACK, YOU, SERVER, MASK, ROUTER, "127.0.0.1", LEASE},
		{DHCP_ACK, YOU, SERVER, MASK, ROUTER, "255.255.255.255", LEASE},
		{DHCP_DISCOVER, YOU, SERVER, MASK, ROUTER, SHIM, LEASE},
		{DHCP_RELEASE, YOU, SERVER, MASK, ROUTER, SHIM, LEASE},
		{.type = DHCP_NAK},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct reply reply = {.xid = 4711};

		cr_expect_eq(decode(&rows[i], &reply), -EBADMSG, "row %zu", i);
		cr_expect_eq(reply.xid, 4711, "row %zu", i);
	}
}
