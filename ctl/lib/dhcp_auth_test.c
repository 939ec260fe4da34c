// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/dhcp_auth.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mnat/hex.h"

static const struct dhcp_codec codec = {.enterprise = 32473, .seed_option = 224};
static const struct dhcp_auth by_ours = {
	.how = DHCP_AUTH_MNAT, .id = 7, .counter = 0x0102030405060708};
static const struct dhcp_auth by_rfc = {.how = DHCP_AUTH_RFC3118, .id = 9, .counter = 255};

struct message {
	size_t len;
	uint8_t bytes[DHCP_MAX_MESSAGE];
};

static struct dhcp_secret secret_of(size_t len)
{
	struct dhcp_secret secret = {.len = (uint8_t)len};

	for (size_t i = 0; i < len; i++)
		secret.bytes[i] = (uint8_t)(0x10 + i);
	return secret;
}

static void build(struct message *m, enum dhcp_type type, bool shim)
{
	const struct dhcp_header header = {
		.op = DHCP_BOOTREQUEST,
		.htype = 1,
		.hlen = 6,
		.xid = htonl(0x11223344),
		.flags = htons(DHCP_FLAG_BROADCAST),
		.chaddr = {2, 0, 0, 0, 0, 1},
	};
	const struct dhcp_mnat mnat = {0};
	struct dhcp_builder b;

	dhcp_build(&b, m->bytes, sizeof(m->bytes), &header, type);
	dhcp_put(&b, DHCP_OPT_CLIENT_ID, "\0laptop", 7);
	if (shim)
		dhcp_put_mnat(&b, &codec, DHCP_SHIM_VIVSO, &mnat);
	cr_assert_eq(dhcp_finish(&b, &m->len), 0);
}

static void sign(struct message *m, const struct dhcp_auth *auth, const struct dhcp_secret *secret)
{
	cr_assert_eq(dhcp_auth_sign(&codec, m->bytes, sizeof(m->bytes), auth, secret, &m->len), 0);
}

static bool verifies(const struct message *m, const struct dhcp_secret *secret)
{
	struct dhcp_auth auth;

	return !dhcp_auth_find(&codec, m->bytes, m->len, &auth) &&
	       dhcp_auth_verify(m->bytes, m->len, &auth, secret);
}

static const uint8_t *mac_of(const struct message *m)
{
	struct dhcp_auth auth;

	cr_assert_eq(dhcp_auth_find(&codec, m->bytes, m->len, &auth), 0);
	return m->bytes + auth.mac;
}

/* As ISC's relay does it: option 82 takes the padding's place, which is made anew. */
static void relay(struct message *m, size_t grown_to)
{
	static const uint8_t info[] = {82, 6, 1, 4, 'p', 'o', 'r', 't', 255};
	struct dhcp_header *header = (struct dhcp_header *)m->bytes;
	size_t end = m->len;

	while (m->bytes[end - 1] != 255)
		end--;
	header->hops++;
	header->giaddr.s_addr = inet_addr("10.0.1.1");
	memcpy(m->bytes + end - 1, info, sizeof(info));
	m->len = end - 1 + sizeof(info);
	memset(m->bytes + m->len, 0, grown_to - m->len);
	m->len = grown_to;
}

/* The expected values are by Python's hmac, over bytes put together there. */
Test(dhcp_auth, macs_are_those_of_another_implementation)
{
	const struct dhcp_secret sha = secret_of(32), md5 = secret_of(16);
	char text[MNAT_HEX_LEN(32)];
	struct message m;

	build(&m, DHCP_DISCOVER, true);
	sign(&m, &by_ours, &sha);
	cr_assert_str_eq(mnat_hex(mac_of(&m), 16, text), "87decbcb3993c4f28c0022a52876bdf6");
	build(&m, DHCP_REQUEST, false);
	sign(&m, &by_rfc, &md5);
	cr_assert_str_eq(mnat_hex(mac_of(&m), 16, text), "e513c9399f9099dd7b243d86b0531aed");
}

Test(dhcp_auth, a_key_is_derived_as_elsewhere)
{
	struct dhcp_secret secret = secret_of(32);
	struct dhcp_key master = {.id = 1, .master = true, .len = 32};
	char text[MNAT_HEX_LEN(32)];

	memcpy(master.secret, secret.bytes, 32);
	cr_assert(dhcp_key_secret(&master, "\0laptop", 7, &secret));
	cr_assert_eq(secret.len, 32);
	cr_assert_str_eq(mnat_hex(secret.bytes, 32, text),
			 "389dad6ba7141bcfe5f5902d9a42033b66891806bc2bf317269000815d55bd73");
}

Test(dhcp_auth, a_relay_changes_nothing_that_is_covered)
{
	const struct dhcp_secret secret = secret_of(32);
	struct message m;

	for (int how = 0; how < 2; how++) {
		build(&m, DHCP_REQUEST, how == 0);
		sign(&m, how ? &by_rfc : &by_ours, &secret);
		relay(&m, how ? 300 : 320);
		cr_assert(verifies(&m, &secret));
	}
}

Test(dhcp_auth, a_message_that_is_not_padded_is_covered_as_it_is)
{
	const struct dhcp_secret secret = secret_of(16);
	struct message m;

	build(&m, DHCP_REQUEST, false);
	sign(&m, &by_rfc, &secret);
	while (m.bytes[m.len - 1] != 255)
		m.len--;
	/* Python's, of the message that ends with its end option */
	cr_assert_eq(mnat_unhex("797da190023dc87961375380796337a4", (void *)mac_of(&m), 16), 0);
	cr_assert(verifies(&m, &secret));
}

/* Each bit of it but those that relays change. */
Test(dhcp_auth, no_bit_can_be_changed)
{
	const struct dhcp_secret secret = secret_of(32);
	struct message m;
	size_t passed = 0;

	build(&m, DHCP_DISCOVER, true);
	sign(&m, &by_ours, &secret);
	while (m.bytes[m.len - 1] != 255)
		m.len--;
	for (size_t bit = 0; bit < 8 * m.len; bit++) {
		m.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		passed += verifies(&m, &secret);
		m.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	cr_assert_eq(passed, 8 + 32, "hops and giaddr");
	cr_assert(verifies(&m, &secret));
}

Test(dhcp_auth, another_secret_is_wrong)
{
	struct dhcp_secret secret = secret_of(32);
	struct message m;

	build(&m, DHCP_DISCOVER, true);
	sign(&m, &by_ours, &secret);
	secret.bytes[31] ^= 1;
	cr_assert_not(verifies(&m, &secret));
}

Test(dhcp_auth, signs_again_after_a_token_has_been_added)
{
	static const struct dhcp_mnat_token token = {.ticket = "ticket", .key = "key"};
	const struct dhcp_secret secret = secret_of(32);
	struct dhcp_message parsed;
	struct dhcp_auth auth;
	struct message m;

	build(&m, DHCP_REQUEST, true);
	sign(&m, &by_ours, &secret);
	cr_assert_eq(dhcp_add_token(&codec, m.bytes, sizeof(m.bytes), &token, &m.len), 0);
	cr_assert_not(verifies(&m, &secret), "the token is covered");
	sign(&m, &(struct dhcp_auth){.how = DHCP_AUTH_MNAT, .id = 1, .counter = 1}, &secret);
	cr_assert(verifies(&m, &secret));
	cr_assert_eq(dhcp_auth_find(&codec, m.bytes, m.len, &auth), 0);
	cr_assert_eq(auth.counter, by_ours.counter, "what it was signed by stays");
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, m.bytes, m.len, &parsed), DHCP_E_NONE);
	cr_assert(parsed.token_present && !memcmp(&parsed.token, &token, sizeof(token)));
}

Test(dhcp_auth, an_option_125_is_made_if_there_is_none_and_82_stays_last)
{
	const struct dhcp_secret secret = secret_of(32);
	struct dhcp_message parsed;
	struct message m;

	build(&m, DHCP_REQUEST, false);
	relay(&m, 300);
	sign(&m, &by_ours, &secret);
	cr_assert(verifies(&m, &secret));
	cr_assert_eq(dhcp_parse(&codec, DHCP_BOOTREQUEST, m.bytes, m.len, &parsed), DHCP_E_NONE);
	cr_assert_eq(parsed.options[DHCP_OPT_RELAY_INFO].data[6], DHCP_OPT_END);
	cr_assert_eq(parsed.shim_form, DHCP_SHIM_NONE, "it asks for no virtual address");
}

Test(dhcp_auth, there_is_no_room)
{
	const struct dhcp_secret secret = secret_of(32);
	struct message m, before;

	build(&m, DHCP_REQUEST, true);
	before = m;
	/* the header, 53, 61, 125 and the end are 266 bytes, and the sub-option 30 */
	for (size_t size = 260; size < 296; size++)
		cr_assert_eq(dhcp_auth_sign(&codec, m.bytes, size, &by_ours, &secret, &m.len),
			     -EMSGSIZE);
	cr_assert_eq(memcmp(&m, &before, sizeof(m)), 0);
	cr_assert_eq(dhcp_auth_sign(&codec, m.bytes, 296, &by_ours, &secret, &m.len), 0);
}

/* An option 90 of these bytes behind the type. */
static int find_in(enum dhcp_type type, const uint8_t *option, size_t len, int times)
{
	struct dhcp_header header = {.op = DHCP_BOOTREQUEST, .htype = 1, .hlen = 6};
	struct dhcp_builder b;
	struct dhcp_auth auth;
	struct message m;

	dhcp_build(&b, m.bytes, sizeof(m.bytes), &header, type);
	while (times--)
		dhcp_put(&b, DHCP_OPT_AUTH, option, len);
	cr_assert_eq(dhcp_finish(&b, &m.len), 0);
	return dhcp_auth_find(&codec, m.bytes, m.len, &auth);
}

Test(dhcp_auth, option_90_must_be_as_rfc_3118_has_it)
{
	const uint8_t good[31] = {1, 1, 0}, token[31] = {0, 0, 0}, sha[31] = {1, 2, 0},
		      other_rdm[31] = {1, 1, 1};

	cr_assert_eq(find_in(DHCP_REQUEST, good, 31, 1), 0);
	cr_assert_eq(find_in(DHCP_DISCOVER, good, 11, 1), 0);
	cr_assert_eq(find_in(DHCP_INFORM, good, 11, 1), 0);
	cr_assert_eq(find_in(DHCP_REQUEST, good, 11, 1), -EBADMSG, "no MAC, in a REQUEST");
	cr_assert_eq(find_in(DHCP_REQUEST, good, 30, 1), -EBADMSG);
	cr_assert_eq(find_in(DHCP_REQUEST, good, 15, 1), -EBADMSG);
	cr_assert_eq(find_in(DHCP_REQUEST, good, 0, 1), -EBADMSG);
	cr_assert_eq(find_in(DHCP_REQUEST, token, 31, 1), -EBADMSG);
	cr_assert_eq(find_in(DHCP_REQUEST, sha, 31, 1), -EBADMSG);
	cr_assert_eq(find_in(DHCP_REQUEST, other_rdm, 31, 1), -EBADMSG);
	cr_assert_eq(find_in(DHCP_REQUEST, good, 31, 2), -ENOENT, "in parts it is not looked for");
	cr_assert_eq(find_in(DHCP_REQUEST, good, 31, 0), -ENOENT);
}

/* ---- files of keys ---- */

static struct dhcp_keys *keys_from(const char *text, mode_t mode)
{
	char path[] = "/tmp/dhcp-keys-XXXXXX";
	struct dhcp_keys *keys = NULL;
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
	if (dhcp_keys_load(path, &keys))
		cr_assert_null(keys);
	unlink(path);
	return keys;
}

#define SECRET "000102030405060708090a0b0c0d0e0f"

Test(dhcp_auth, keys_are_found_by_number_and_client)
{
	struct dhcp_keys *keys = keys_from("# ours\n"
					   "2 " SECRET "\n"
					   "master 12 " SECRET SECRET "\n"
					   "3 " SECRET " laptop # Ann's\n"
					   "\n"
					   "  4294967295 " SECRET "\t02:00:00:00:00:07\n"
					   "5 " SECRET " hex:0199",
					   0600);
	struct dhcp_secret secret;

	cr_assert(keys);
	cr_assert_eq(keys->n, 5);
	cr_assert_null(dhcp_keys_find(keys, 4));
	cr_assert(dhcp_keys_find(keys, 12)->master);
	cr_assert_eq(dhcp_keys_find(keys, 12)->len, 32);
	cr_assert_eq(dhcp_keys_for(keys, "\0laptop", 7)->id, 3);
	cr_assert_eq(dhcp_keys_for(keys, "\1\2\0\0\0\0\7", 7)->id, UINT32_MAX);
	cr_assert_eq(dhcp_keys_for(keys, "\1\x99", 2)->id, 5);
	cr_assert_eq(dhcp_keys_for(keys, "other", 5)->id, 12, "of its own");
	cr_assert_not(dhcp_key_secret(dhcp_keys_find(keys, 3), "other", 5, &secret));
	cr_assert(dhcp_key_secret(dhcp_keys_find(keys, 3), "\0laptop", 7, &secret));
	cr_assert_eq(secret.len, 16);
	dhcp_keys_free(keys);
}

Test(dhcp_auth, bad_files_of_keys_are_refused)
{
	cr_assert_null(keys_from("1 " SECRET "\n", 0640), "others may read it");
	cr_assert_null(keys_from("", 0600));
	cr_assert_null(keys_from("1 0011\n", 0600), "short");
	cr_assert_null(keys_from("0 " SECRET "\n", 0600));
	cr_assert_null(keys_from("4294967296 " SECRET "\n", 0600));
	cr_assert_null(keys_from("-1 " SECRET "\n", 0600));
	cr_assert_null(keys_from("1x " SECRET "\n", 0600));
	cr_assert_null(keys_from("1 " SECRET "g\n", 0600));
	cr_assert_null(keys_from("1 " SECRET " a b\n", 0600));
	cr_assert_null(keys_from("1 " SECRET " hex:\n", 0600));
	cr_assert_null(keys_from("master 1 " SECRET " a\n", 0600));
	cr_assert_null(keys_from("1 " SECRET "\n2 " SECRET "\n1 " SECRET "\n", 0600), "twice");
	cr_assert_null(keys_from("1\n", 0600));
}
