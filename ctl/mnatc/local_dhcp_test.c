// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <net/if_arp.h>
#include <string.h>

#include "local_dhcp.h"

static const struct dhcp_codec codec;

static struct in_addr ip(const char *text)
{
	return (struct in_addr){inet_addr(text)};
}

static struct local_offer offer(void)
{
	struct local_offer offer = {.virt = ip("10.128.0.2"),
				    .mask = ip("255.0.0.0"),
				    .gateway = ip("10.0.0.1"),
				    .server = ip("10.0.0.9"),
				    .mtu = 1480,
				    .dns = {.n = 1, .servers = {ip("10.0.0.53")}, .search = "a.b"}};

	return offer;
}

struct request {
	enum dhcp_type type;
	const char *ciaddr, *requested, *server;
};

/* The answer's type, 0: silence. */
static enum dhcp_type ask(struct request request, struct dhcp_message *ret_answer)
{
	struct dhcp_header header = {.op = DHCP_BOOTREQUEST, .htype = ARPHRD_ETHER, .hlen = 6,
				     .xid = 77, .chaddr = {2, 1}, .magic = htonl(DHCP_MAGIC)};
	struct local_offer what = offer();
	static struct dhcp_message in;
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t len;

	if (request.ciaddr)
		header.ciaddr = ip(request.ciaddr);
	dhcp_build(&b, buf, sizeof(buf), &header, request.type);
	dhcp_put(&b, DHCP_OPT_CLIENT_ID, "\0me", 3);
	if (request.requested)
		dhcp_put_ip(&b, DHCP_OPT_REQUESTED_IP, ip(request.requested));
	if (request.server)
		dhcp_put_ip(&b, DHCP_OPT_SERVER_ID, ip(request.server));
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, buf, len, &in), DHCP_E_NONE);
	len = local_dhcp_answer(&in, &what, buf);
	if (!len)
		return 0;
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREPLY, buf, len, ret_answer), DHCP_E_NONE);
	cr_expect_eq(ret_answer->header.xid, 77);
	cr_expect_eq(ret_answer->header.chaddr[1], 1);
	cr_expect_eq(ret_answer->options[DHCP_OPT_CLIENT_ID].len, 3);
	return ret_answer->type;
}

Test(local_dhcp, every_request)
{
	static const struct {
		struct request request;
		enum dhcp_type answer;
	} rows[] = {
		{{DHCP_DISCOVER}, DHCP_OFFER},
		{{DHCP_DISCOVER, .requested = "192.168.1.1"}, DHCP_OFFER},
		{{DHCP_REQUEST, .requested = "10.128.0.2", .server = "10.0.0.9"}, DHCP_ACK},
		{{DHCP_REQUEST, .requested = "10.128.0.2", .server = "10.0.0.8"}, 0},
		{{DHCP_REQUEST, .requested = "10.128.0.2"}, DHCP_ACK}, /* INIT-REBOOT */
		{{DHCP_REQUEST, .requested = "192.168.1.1"}, DHCP_NAK},
		{{DHCP_REQUEST, .ciaddr = "10.128.0.2"}, DHCP_ACK}, /* RENEWING */
		{{DHCP_REQUEST, .ciaddr = "10.128.0.7"}, DHCP_NAK},
		{{DHCP_INFORM, .ciaddr = "10.128.0.2"}, DHCP_ACK},
		{{DHCP_RELEASE, .ciaddr = "10.128.0.2", .server = "10.0.0.9"}, 0},
		{{DHCP_DECLINE, .requested = "10.128.0.2", .server = "10.0.0.9"}, 0},
	};
	static struct dhcp_message answer;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(ask(rows[i].request, &answer), rows[i].answer, "row %zu", i);
}

Test(local_dhcp, parameters)
{
	static struct dhcp_message answer;
	struct in_addr addr;
	uint32_t seconds;

	cr_assert_eq(ask((struct request){DHCP_DISCOVER}, &answer), DHCP_OFFER);
	cr_expect_eq(answer.header.yiaddr.s_addr, ip("10.128.0.2").s_addr);
	cr_expect(dhcp_get_u32(&answer, DHCP_OPT_LEASE_TIME, &seconds));
	cr_expect_eq(seconds, LEASE_INFINITE);
	cr_expect(dhcp_get_ip(&answer, DHCP_OPT_ROUTER, &addr));
	cr_expect_eq(addr.s_addr, ip("10.0.0.1").s_addr);
	cr_expect(dhcp_get_ip(&answer, DHCP_OPT_SERVER_ID, &addr));
	cr_expect_eq(addr.s_addr, ip("10.0.0.9").s_addr);
	cr_expect_eq(answer.options[DHCP_OPT_DNS].len, 4);
	cr_expect_eq(answer.options[DHCP_OPT_DOMAIN].len, 3);
	cr_expect_arr_eq(answer.options[DHCP_OPT_MTU].data, "\x05\xc8", 2);
}

/* An INFORM gets no address and no lease (RFC 2131 4.3.5). */
Test(local_dhcp, inform)
{
	static struct dhcp_message answer;

	cr_assert_eq(ask((struct request){DHCP_INFORM, .ciaddr = "10.128.0.2"}, &answer), DHCP_ACK);
	cr_expect_eq(answer.header.yiaddr.s_addr, 0);
	cr_expect_not(answer.options[DHCP_OPT_LEASE_TIME].present);
}
