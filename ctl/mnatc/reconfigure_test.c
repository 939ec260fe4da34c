// SPDX-License-Identifier: GPL-2.0-only
#include "reconfigure.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

static const uint8_t nonce[DHCP_NONCE_LEN] = "sixteen letters";
static const uint8_t other[DHCP_NONCE_LEN] = "other letters..";
static const struct in_addr server = {0x0100000a}, second = {0x0200000a};
static const struct dhcp_header header = {.op = DHCP_BOOTREPLY, .htype = 1, .hlen = 6};
static const struct dhcp_codec codec;

static struct dhcp_message ack(const uint8_t *with)
{
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_message message;
	struct dhcp_builder b;
	size_t len;

	dhcp_build(&b, buf, sizeof(buf), &header, DHCP_ACK);
	if (with)
		dhcp_put_nonce(&b, with, 100);
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREPLY, buf, len, &message), DHCP_E_NONE);
	return message;
}

static struct dhcp_message forcerenew(const uint8_t *by, uint64_t replay)
{
	uint8_t buf[DHCP_MAX_MESSAGE];
	struct dhcp_message message;
	struct dhcp_builder b;
	size_t len;

	dhcp_build(&b, buf, sizeof(buf), &header, DHCP_FORCERENEW);
	dhcp_put_ip(&b, DHCP_OPT_SERVER_ID, server);
	cr_assert_eq(dhcp_finish_forcerenew(&b, by, replay, &len), 0);
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREPLY, buf, len, &message), DHCP_E_NONE);
	return message;
}

static void expect(struct reconfigure *r, const struct dhcp_message *message, const char *cause)
{
	const char *why = reconfigure_check(r, message);

	if (!cause)
		cr_assert_null(why, "%s", why);
	else
		cr_assert(why && strstr(why, cause), "%s", why);
}

static struct reconfigure with_nonce(void)
{
	const struct dhcp_message message = ack(nonce);
	struct reconfigure r = {0};

	reconfigure_learn(&r, &message, server);
	return r;
}

Test(reconfigure, each_message_is_obeyed_once)
{
	struct reconfigure r = with_nonce();
	struct dhcp_message first = forcerenew(nonce, 101), later = forcerenew(nonce, 103);
	struct dhcp_message early = forcerenew(nonce, 100);

	expect(&r, &early, "not newer");
	expect(&r, &first, NULL);
	expect(&r, &first, "not newer");
	expect(&r, &later, NULL);
	expect(&r, &first, "not newer");
	cr_assert_eq(r.obeyed, 2);
	cr_assert_eq(r.ignored[RECONFIGURE_replay], 3);
}

Test(reconfigure, what_is_changed_or_anothers_is_not_obeyed)
{
	struct reconfigure r = with_nonce();
	struct dhcp_message message = forcerenew(other, 101);
	static const size_t places[] = {4, 28, 245, 260, 275};

	expect(&r, &message, "another nonce");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		message = forcerenew(nonce, 101);
		message.bytes[places[i]] ^= 1;
		expect(&r, &message, "another nonce");
	}
	message = ack(nonce); /* a nonce is no proof */
	expect(&r, &message, "another nonce");
	cr_assert_eq(r.ignored[RECONFIGURE_forged], 7);
	cr_assert_eq(r.obeyed, 0);
}

Test(reconfigure, a_relays_hops_do_not_matter)
{
	struct reconfigure r = with_nonce();
	struct dhcp_message message = forcerenew(nonce, 101);

	message.bytes[offsetof(struct dhcp_header, hops)] = 3;
	expect(&r, &message, NULL);
}

Test(reconfigure, a_renewal_keeps_the_nonce_and_another_server_ends_it)
{
	struct reconfigure r = with_nonce();
	struct dhcp_message renewal = ack(NULL), message = forcerenew(nonce, 101);

	reconfigure_learn(&r, &renewal, server);
	expect(&r, &message, NULL);
	reconfigure_learn(&r, &renewal, second);
	message = forcerenew(nonce, 102);
	expect(&r, &message, "no server has given us");
	cr_assert_eq(r.ignored[RECONFIGURE_unasked], 1);
}

/* RFC 6704 section 3.1.2, byte for byte. */
Test(nonce, on_the_wire)
{
	static const uint8_t option[] = {90, 28, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 100, 1,
					 's', 'i', 'x', 't', 'e', 'e', 'n'};
	struct dhcp_message message = ack(nonce);

	cr_assert_eq(memcmp(message.bytes + sizeof(header) + 3, option, sizeof(option)), 0);
	message = forcerenew(nonce, 101);
	cr_assert_eq(message.bytes[sizeof(header) + 3 + 6 + 2 + 11], 2);
	cr_assert_eq(message.type, 9);
}
