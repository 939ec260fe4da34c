// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DHCP server's core, spoken to by a few clients in any order: what each says is made
 * of the input's bytes, with the rest of them as options. After each message the tables
 * must agree with one another: no address is two clients', every count is right.
 */
#include <stdint.h>
#include <string.h>

#include "../../dhcpd/probe.h"
#include "dhcpd.h"
#include "mnat/abi.h"
#include "mnat/dhcp_nonce.h"

static const char conf_text[] =
	"interfaces = {\"eth1\"}\n"
	"server-id = \"10.0.0.1\"\n"
	"rapid-commit = true\n"
	"lease-time = 60\n"
	"domain = \"example.org\"\n"
	"option = \"209 string "
	"a-name-that-takes-some-room-in-every-answer-so-that-not-all-others-fit-in-548-bytes\"\n"
	"limits { circuit = 3\n link = 4\n mac = 3 }\n"
	"virtual { pool = \"10.128.0.1-10.128.0.4\"\n public = \"135.180.32.64\"\n"
	" lease-time = 100\n gateway = \"135.180.32.4\"\n"
	" share \"10.128.9.1\" { identities = \"240.1.0.1-240.1.0.3\" } }\n"
	"class \"p\" { vendor-class = \"p\"\n virtual = \"public\"\n lease-time = 90 }\n"
	"class \"s\" { vendor-class = \"s\"\n virtual = \"10.128.9.1\" }\n"
	"host \"a\" { mac = \"02:00:00:00:00:01\"\n address = {\"10.0.1.6\", \"10.0.2.9\"} }\n"
	"host \"b\" { client-id = \"b\"\n virtual = \"10.128.0.2\"\n hostname = \"b\" }\n"
	"host \"c\" { circuit-id = \"c\"\n address = \"10.0.1.7\" }\n"
	"subnet \"10.0.1.0/24\" { pool = \"10.0.1.5-10.0.1.8\"\n link = \"x\" }\n"
	"subnet \"10.0.3.0/24\" { pool = \"10.0.3.5-10.0.3.6\"\n link = \"x\" }\n"
	"subnet \"10.0.2.0/24\" { pool = \"10.0.2.5-10.0.2.8\"\n router = \"10.0.2.1\" }\n";

/* Some prove themselves by the right secret, the others by whatever the input holds. */
static const struct dhcp_secret secret = {.len = 16, .bytes = "fifteen letters"};

static void have_key(struct conf *c)
{
	static struct dhcp_key key = {.id = 1, .len = 16};
	static struct dhcp_keys keys = {&key, 1};

	memcpy(key.secret, secret.bytes, secret.len);
	c->auth.policy = AUTH_ALLOW;
	c->auth.keys = &keys;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	configure(conf_text);
	have_key(conf);
	return 0;
}

/* ---- what must hold at any time ---- */

static void check_lease(const struct leases *leases, const struct lease *lease, uint32_t *used)
{
	const struct client *client = lease->client;

	require(!lease_is_held(lease) || lease->expiry.place);
	require(!lease->taken || lease_is_held(lease));
	require(client || (lease->state != MNAT_LEASE_BOUND && lease->state != MNAT_LEASE_OFFERED));
	if (client && lease->state == MNAT_LEASE_BOUND)
		require(lease == (lease->is_virtual ? client->virt : client->bound));
	if (client && lease->state == MNAT_LEASE_OFFERED)
		require(lease == (lease->is_virtual ? client->virt : client->offer));
	if (lease->taken && lease->is_virtual)
		used[leases_virtual_pool_of(leases, lease->address) - leases->pools]++;
	else if (lease->taken)
		used[leases_subnet(leases, lease->address) - conf->subnets]++;
}

static void check_client(const struct leases *leases, const struct client *client)
{
	require(client->leases != NULL);
	require(client->counted == (client->bound || client->offer));
	require(!client->bound || (client->bound->client == client &&
				   client->bound->state == MNAT_LEASE_BOUND &&
				   !client->bound->is_virtual));
	require(!client->offer || (client->offer->client == client &&
				   client->offer->state == MNAT_LEASE_OFFERED));
	require(!client->bound || client->told.actual == client->bound->address);
	require(client->bound || !client->told.actual);
	if (client->bound && client->bound->virt)
		require(client->virt && client->virt->address == client->bound->virt &&
			client->virt->state == MNAT_LEASE_BOUND);
	require(!client->bound || !mnat_is_sharing_identity(client->bound->virt) ||
		client->bound->tunnel);
}

static void check(const struct server *s)
{
	uint32_t used[8] = {0};

	for (const struct lease *l = s->leases.addresses; l; l = l->hh.next)
		check_lease(&s->leases, l, used);
	for (size_t i = 0; i < conf_n_pools(conf); i++)
		require(s->leases.pools[i].used == used[i]);
	for (const struct client *c = s->leases.clients; c; c = c->hh.next)
		check_client(&s->leases, c);
	for (const struct place *p = s->leases.places; p; p = p->hh.next) {
		uint32_t counted = 0, users = 0;

		for (const struct client *c = s->leases.clients; c; c = c->hh.next)
			if (c->place == p) {
				users++;
				counted += c->counted;
			}
		require(p->users == users && p->clients == counted && users);
	}
}

/* ---- what is said ---- */

struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t next(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

static const struct dhcp_codec codec = {.enterprise = 32473, .seed_option = 224};

/* An address of the configuration's, more often than not one that matters. */
static struct in_addr address(uint8_t pick)
{
	static const uint32_t nets[] = {0, 0x0a000100, 0x0a000200, 0x0a000300,
					0x0a800000, 0xb4b42040, 0x0a000000, 0x0ac80000};

	return (struct in_addr){htonl(nets[pick >> 5] + (pick & 31 ? (pick & 15) : 0))};
}

static void put_some(struct dhcp_builder *b, uint8_t what, struct input *in)
{
	static const uint8_t ids[] = "abc";

	if (what & 1)
		dhcp_put_ip(b, DHCP_OPT_REQUESTED_IP, address(next(in)));
	if (what & 2)
		dhcp_put_ip(b, DHCP_OPT_SERVER_ID, (struct in_addr){htonl(0x0a000001)});
	if (what & 4)
		dhcp_put_shim(b, &codec, next(in) & 1 ? DHCP_SHIM_VIVSO : DHCP_SHIM_SEED,
			      address(next(in)), (struct in_addr){0}, next(in) & 3);
	if (what & 8)
		dhcp_put(b, DHCP_OPT_RAPID_COMMIT, NULL, 0);
	if (what & 16)
		dhcp_put(b, DHCP_OPT_CLIENT_ID, &ids[next(in) % 3], 1);
	if (what & 32)
		dhcp_put(b, DHCP_OPT_VENDOR_CLASS, "p", 1);
	if (what & 64) {
		const uint8_t info[] = {1, 1, (uint8_t)('a' + next(in) % 3)};

		dhcp_put(b, DHCP_OPT_RELAY_INFO, info, sizeof(info));
	}
	if (what & 128) { /* anything at all */
		size_t len = next(in) % 64;

		len = len < in->left ? len : in->left;
		if (b->size - b->len > len + 1) {
			memcpy(b->buf + b->len, in->at, len);
			b->len += len;
		}
		in->at += len;
		in->left -= len;
	}
}

static size_t build(struct input *in, uint8_t buf[DHCP_MAX_MESSAGE], struct arrival *ret_arrival)
{
	static const enum dhcp_type types[] = {DHCP_DISCOVER, DHCP_REQUEST, DHCP_DISCOVER,
					       DHCP_REQUEST,  DHCP_RELEASE, DHCP_DECLINE,
					       DHCP_REQUEST,  DHCP_INFORM};
	uint8_t head = next(in), who = next(in), what = next(in);
	struct dhcp_header header = {
		.op = DHCP_BOOTREQUEST,
		.htype = 1,
		.hlen = 6,
		.flags = htons(head & 8 ? DHCP_FLAG_BROADCAST : 0),
		.chaddr = {2, 0, 0, 0, 0, (uint8_t)(who & 7)},
	};
	struct dhcp_builder b;
	size_t len;

	if (head & 16)
		header.ciaddr = address(next(in));
	if (head & 32)
		header.giaddr = address((uint8_t)((who >> 3 & 3) << 5 | 1));
	*ret_arrival = (struct arrival){
		.ifindex = 3, .local = 0x0a000101, .broadcast = !(head & 64)};
	dhcp_build(&b, buf, DHCP_MAX_MESSAGE, &header, types[head & 7]);
	put_some(&b, what, in);
	if (head & 128)
		dhcp_put_nonce_capable(&b);
	if (dhcp_finish(&b, &len))
		return 0;
	if (who & 128) {
		const struct dhcp_auth auth = {.how = who & 64 ? DHCP_AUTH_RFC3118 : DHCP_AUTH_MNAT,
					       .id = 1 + (next(in) == 7),
					       .counter = next(in)};

		dhcp_auth_sign(&codec, buf, DHCP_MAX_MESSAGE, &auth, &secret, &len);
	}
	return len;
}

static void say(struct server *s, struct input *in)
{
	static struct dhcp_message answer;
	static struct reply reply;
	uint8_t buf[DHCP_MAX_MESSAGE];
	const struct lease *lease;
	struct arrival arrival;
	size_t len = build(in, buf, &arrival);

	if (!server_handle(s, &arrival, buf, len, &reply))
		return;
	require(reply.len <= reply.room && reply.len >= DHCP_MIN_MESSAGE);
	require(!dhcp_parse(&conf->virt.codec, DHCP_BOOTREPLY, reply.bytes, reply.len, &answer));
	require(answer.type == reply.type);
	/* whoever it was for, told to renew */
	lease = lease_find(&s->leases, ntohl(answer.header.yiaddr.s_addr));
	if (!lease || !lease->client || !server_forcerenew(s, lease->client, &reply))
		return;
	require(!dhcp_parse(&conf->virt.codec, DHCP_BOOTREPLY, reply.bytes, reply.len, &answer));
	require(answer.type == DHCP_FORCERENEW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct server s;

	probe_answer(data, size, 0, 0);

	now = 1000 * MNAT_NS_PER_SEC;
	require(!server_init(&s, conf, &store_ops, NULL, wall_now));
	while (in.left) {
		uint8_t what = next(&in);

		if (what < 32)
			now += what * 7 * MNAT_NS_PER_SEC;
		else if (what < 36)
			server_renew_virtual(&s, ntohl(address(next(&in)).s_addr), what);
		else if (what < 40)
			server_release_virtual(&s, ntohl(address(next(&in)).s_addr));
		else
			say(&s, &in);
		server_expire(&s);
		require(!server_commit(&s));
		server_next_batch(&s);
		check(&s);
	}
	server_done(&s);
	return 0;
}
