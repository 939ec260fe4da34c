// SPDX-License-Identifier: GPL-2.0-only
#include "auth.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "mnat/clock.h"

#define SECRET "000102030405060708090a0b0c0d0e0f"

static const struct dhcp_codec codec = {.enterprise = 32473, .seed_option = 224};
static uint64_t now;
static uint64_t replay; /* as the state file has it */

static uint64_t clock_now(void)
{
	return now;
}

static int open_with(enum mnat_node_auth policy, bool rfc3118, unsigned int id, struct auth *auth)
{
	struct mnat_node_conf conf = {.auth = policy, .auth_rfc3118 = rfc3118, .auth_id = id};
	const char text[] = "7 " SECRET "\nmaster 8 " SECRET "\n";
	int fd, r;

	now = MNAT_NS_PER_SEC;
	replay = 0;
	mnat_clock_replace(clock_now);
	strcpy(conf.auth_key_file, "/tmp/mnatc-key-XXXXXX");
	fd = mkstemp(conf.auth_key_file);
	cr_assert_eq(write(fd, text, sizeof(text) - 1), (ssize_t)sizeof(text) - 1);
	close(fd);
	r = auth_open(&conf, auth);
	unlink(conf.auth_key_file);
	return r;
}

static size_t build(enum dhcp_op op, enum dhcp_type type, uint32_t xid, uint8_t *buf)
{
	const struct dhcp_header header = {.op = op, .htype = 1, .hlen = 6, .xid = htonl(xid)};
	struct dhcp_builder b;
	size_t len;

	dhcp_build(&b, buf, DHCP_MAX_MESSAGE, &header, type);
	dhcp_put_ip(&b, DHCP_OPT_SERVER_ID, (struct in_addr){inet_addr("10.0.0.1")});
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	return len;
}

static void say(struct auth *auth, uint32_t xid, uint64_t counter)
{
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = build(DHCP_BOOTREQUEST, DHCP_REQUEST, xid, buf);

	cr_assert_eq(auth_sign(auth, &codec, counter, buf, &len), 0);
}

/* What an answer of a server with our secret, or the one that differs in a bit, comes to. */
static const char *answer(struct auth *auth, enum dhcp_auth_how how, uint32_t xid, uint32_t id,
			  uint64_t counter, bool wrong)
{
	struct dhcp_auth proof = {.how = how, .id = id, .counter = counter};
	struct dhcp_secret secret = {.len = 16};
	static struct dhcp_message message;
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = build(DHCP_BOOTREPLY, DHCP_ACK, xid, buf);

	for (int i = 0; i < 16; i++)
		secret.bytes[i] = (uint8_t)i;
	secret.bytes[15] ^= wrong;
	if (how)
		cr_assert_eq(dhcp_auth_sign(&codec, buf, sizeof(buf), &proof, &secret, &len), 0);
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREPLY, buf, len, &message), DHCP_E_NONE);
	return auth_check(auth, &codec, &message, &replay);
}

Test(auth, an_answer_is_to_a_message_of_this_exchange)
{
	struct auth auth;

	cr_assert_eq(open_with(MNAT_AUTH_REQUIRE, false, 7, &auth), 0);
	say(&auth, 1, 100);
	say(&auth, 2, 101);
	say(&auth, 2, 102);
	say(&auth, 2, 103);
	cr_assert_null(answer(&auth, DHCP_AUTH_MNAT, 2, 7, 101, false));
	cr_assert_null(answer(&auth, DHCP_AUTH_MNAT, 2, 7, 103, false));
	cr_assert(answer(&auth, DHCP_AUTH_MNAT, 2, 7, 100, false), "an exchange before");
	cr_assert(answer(&auth, DHCP_AUTH_MNAT, 2, 7, 104, false), "not said yet");
	cr_assert(answer(&auth, DHCP_AUTH_MNAT, 1, 7, 101, false));
	cr_assert_eq(auth.refused[AUTH_replay], 3);
	cr_assert(answer(&auth, DHCP_AUTH_MNAT, 2, 8, 103, false));
	cr_assert_eq(auth.refused[AUTH_unknown_key], 1);
	cr_assert(answer(&auth, DHCP_AUTH_MNAT, 2, 7, 103, true));
	cr_assert_eq(auth.refused[AUTH_bad_mac], 1);
	cr_assert(answer(&auth, DHCP_AUTH_NONE, 2, 0, 0, false));
	cr_assert_eq(auth.refused[AUTH_missing], 1);
}

Test(auth, by_rfc_3118_each_answer_is_newer)
{
	struct auth auth;

	cr_assert_eq(open_with(MNAT_AUTH_REQUIRE, true, 7, &auth), 0);
	cr_assert_not(auth_counts(&auth, DHCP_DISCOVER));
	cr_assert(auth_counts(&auth, DHCP_REQUEST));
	cr_assert_null(answer(&auth, DHCP_AUTH_RFC3118, 1, 7, 1ull << 63, false));
	cr_assert_eq(replay, 1ull << 63);
	cr_assert(answer(&auth, DHCP_AUTH_RFC3118, 1, 7, 1ull << 63, false));
	cr_assert(answer(&auth, DHCP_AUTH_RFC3118, 1, 7, (1ull << 63) - 1, false));
	cr_assert(answer(&auth, DHCP_AUTH_RFC3118, 1, 7, UINT64_MAX, true));
	cr_assert_eq(replay, 1ull << 63, "a forged one moves nothing");
	cr_assert_null(answer(&auth, DHCP_AUTH_RFC3118, 1, 7, (1ull << 63) + 1, false));
}

Test(auth, policies)
{
	struct auth auth;
	char text[256];

	cr_assert_eq(open_with(MNAT_AUTH_ALLOW, false, 7, &auth), 0);
	cr_assert_eq(auth_max_arrivals(&auth), DHCP_AUTH_ARRIVALS);
	cr_assert_null(answer(&auth, DHCP_AUTH_NONE, 1, 0, 0, false));
	cr_assert_not(auth_problem(&auth, text, sizeof(text)));
	say(&auth, 1, 5);
	cr_assert(answer(&auth, DHCP_AUTH_MNAT, 1, 7, 5, true), "what claims to be good must be");
	cr_assert(auth_problem(&auth, text, sizeof(text)));
	cr_assert(strstr(text, "10.0.0.1") && strstr(text, "wrong secret"), "%s", text);
	now += 3601 * MNAT_NS_PER_SEC;
	cr_assert_not(auth_problem(&auth, text, sizeof(text)));

	cr_assert_eq(open_with(MNAT_AUTH_OFF, false, 7, &auth), 0);
	cr_assert_null(answer(&auth, DHCP_AUTH_MNAT, 1, 7, 5, true), "nobody looks");
	cr_assert_eq(auth_max_arrivals(&auth), DHCP_MNAT_MAX_ARRIVALS);
}

Test(auth, a_node_has_a_key_of_its_own)
{
	struct auth auth;

	cr_assert_neq(open_with(MNAT_AUTH_REQUIRE, false, 9, &auth), 0);
	cr_assert_neq(open_with(MNAT_AUTH_REQUIRE, false, 8, &auth), 0, "a master's is no node's");
}
