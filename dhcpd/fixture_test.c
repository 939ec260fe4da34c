// SPDX-License-Identifier: GPL-2.0-only
#include "fixture_test.h"

#include <endian.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t virtual_now;

static uint64_t virtual_clock(void)
{
	return virtual_now;
}

static int64_t virtual_wall(void)
{
	return 1700000000 + (int64_t)(virtual_now / MNAT_NS_PER_SEC);
}

void pass_seconds(uint64_t seconds)
{
	virtual_now += seconds * MNAT_NS_PER_SEC;
}

struct conf *conf_from(const char *text)
{
	char path[] = "/tmp/dhcpd-conf-XXXXXX";
	struct conf *conf = NULL;
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	if (conf_load(path, &conf))
		conf = NULL;
	unlink(path);
	return conf;
}

/* ---- the store ---- */

static struct memory_store *memory(struct mnat_store *store)
{
	return (struct memory_store *)store;
}

static int memory_load(struct mnat_store *store,
		       int (*each)(const struct mnat_lease_record *record, void *user), void *user)
{
	for (size_t i = 0; i < memory(store)->n; i++)
		cr_assert_eq(each(&memory(store)->records[i], user), 0);
	return 0;
}

static int memory_begin(struct mnat_store *store)
{
	return memory(store)->fails ? -EIO : 0;
}

static int memory_put(struct mnat_store *store, const struct mnat_lease_record *record)
{
	struct memory_store *m = memory(store);
	size_t i = 0;

	while (i < m->n && m->records[i].address != record->address)
		i++;
	if (i == m->n)
		m->records = reallocarray(m->records, ++m->n, sizeof(*m->records));
	m->records[i] = *record;
	return 0;
}

static int memory_load_auth(struct mnat_store *store,
			    int (*each)(const struct mnat_auth_record *record, void *user),
			    void *user)
{
	for (size_t i = 0; i < memory(store)->n_auths; i++)
		cr_assert_eq(each(&memory(store)->auths[i], user), 0);
	return 0;
}

static int memory_put_auth(struct mnat_store *store, const struct mnat_auth_record *record)
{
	struct memory_store *m = memory(store);
	size_t i = 0;

	while (i < m->n_auths && (m->auths[i].client_len != record->client_len ||
				  memcmp(m->auths[i].client, record->client, record->client_len)))
		i++;
	if (i == m->n_auths)
		m->auths = reallocarray(m->auths, ++m->n_auths, sizeof(*m->auths));
	m->auths[i] = *record;
	return 0;
}

static int memory_commit(struct mnat_store *store)
{
	memory(store)->transactions++;
	return 0;
}

const struct mnat_store_ops memory_store_ops = {
	.load = memory_load,
	.load_auth = memory_load_auth,
	.begin = memory_begin,
	.put = memory_put,
	.put_auth = memory_put_auth,
	.commit = memory_commit,
};

/* ---- the server ---- */

static void start(struct fixture *f)
{
	cr_assert_eq(server_init(&f->server, f->conf, &memory_store_ops,
				 (struct mnat_store *)&f->store, virtual_wall),
		     0);
}

struct fixture *fixture_new(const char *conf)
{
	struct fixture *f = calloc(1, sizeof(*f));

	virtual_now = 1000 * MNAT_NS_PER_SEC;
	mnat_clock_replace(virtual_clock);
	f->conf = conf_from(conf);
	cr_assert(f->conf);
	f->arrival = (struct arrival){.ifindex = 3, .local = addr("10.0.1.1"), .broadcast = true};
	start(f);
	return f;
}

void fixture_restart(struct fixture *f)
{
	server_done(&f->server);
	start(f);
}

void fixture_free(struct fixture *f)
{
	server_done(&f->server);
	conf_free(f->conf);
	free(f->store.records);
	free(f->store.auths);
	free(f);
}

/* ---- messages ---- */

static struct in_addr ip(const char *text)
{
	return (struct in_addr){text ? inet_addr(text) : 0};
}

uint32_t addr(const char *text)
{
	return ntohl(ip(text).s_addr);
}

static void put_optional_ip(struct dhcp_builder *b, uint8_t code, const char *text)
{
	if (text)
		dhcp_put_ip(b, code, ip(text));
}

static void put_optional(struct dhcp_builder *b, uint8_t code, const char *text)
{
	if (text)
		dhcp_put(b, code, text, strlen(text));
}

static const struct dhcp_codec codec = {.enterprise = 32473, .seed_option = 224};

static void put_shim(struct dhcp_builder *b, const struct say *say)
{
	struct dhcp_mnat_arrival arrivals[DHCP_MNAT_MAX_ARRIVALS];
	struct dhcp_mnat mnat = {.shim = ip(say->shim), .arrivals = arrivals};

	for (; mnat.n_arrivals < DHCP_MNAT_MAX_ARRIVALS && say->arrivals[mnat.n_arrivals];
	     mnat.n_arrivals++) {
		struct dhcp_mnat_arrival *arrival = &arrivals[mnat.n_arrivals];

		memset(arrival, 0xa0 + (int)mnat.n_arrivals, sizeof(*arrival));
		arrival->manager = ip(say->arrivals[mnat.n_arrivals]);
		arrival->counter = htobe64(7);
	}
	dhcp_put_mnat(b, &codec, say->form ? say->form : DHCP_SHIM_VIVSO, &mnat);
}

size_t say_bytes(const struct say *say, uint8_t buf[DHCP_MAX_MESSAGE])
{
	struct dhcp_header header = {
		.op = DHCP_BOOTREQUEST,
		.htype = 1,
		.hlen = 6,
		.xid = htonl(0x11223344),
		.flags = htons(say->broadcast_flag ? DHCP_FLAG_BROADCAST : 0),
		.ciaddr = ip(say->ciaddr),
		.giaddr = ip(say->relay),
		.chaddr = {2, 0, 0, 0, 0, say->host},
	};
	struct dhcp_builder b;
	size_t len;

	dhcp_build(&b, buf, DHCP_MAX_MESSAGE, &header, say->type);
	put_optional_ip(&b, DHCP_OPT_REQUESTED_IP, say->requested);
	put_optional_ip(&b, DHCP_OPT_SERVER_ID, say->server);
	put_optional(&b, DHCP_OPT_CLIENT_ID, say->client_id);
	put_optional(&b, DHCP_OPT_HOSTNAME, say->hostname);
	if (say->max_size)
		dhcp_put_u16(&b, DHCP_OPT_MAX_SIZE, say->max_size);
	if (say->shim)
		put_shim(&b, say);
	put_optional(&b, DHCP_OPT_RELAY_INFO, say->relay_info);
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	if (say->counter)
		cr_assert_eq(dhcp_auth_sign(&codec, buf, DHCP_MAX_MESSAGE,
					    &(struct dhcp_auth){.how = DHCP_AUTH_MNAT,
								.id = 1,
								.counter = say->counter},
					    &fixture_secret, &len),
			     0);
	return len;
}

const struct dhcp_secret fixture_secret = {.len = 16, .bytes = "sixteen letters"};

void fixture_require_auth(struct fixture *f)
{
	struct dhcp_keys *keys = calloc(1, sizeof(*keys));

	keys->key = calloc(1, sizeof(*keys->key));
	keys->n = 1;
	keys->key->id = 1;
	keys->key->len = fixture_secret.len;
	memcpy(keys->key->secret, fixture_secret.bytes, fixture_secret.len);
	f->conf->auth.policy = AUTH_REQUIRE;
	f->conf->auth.keys = keys;
}

bool ask(struct fixture *f, const struct say *say)
{
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = say_bytes(say, buf);
	bool answered;

	server_expire(&f->server);
	answered = server_handle(&f->server, &f->arrival, buf, len, &f->reply);
	if (server_commit(&f->server))
		return false;
	if (f->stored)
		f->stored(f);
	server_next_batch(&f->server);
	if (answered)
		cr_assert_eq(dhcp_parse(&f->conf->virt.codec, DHCP_BOOTREPLY, f->reply.bytes,
					f->reply.len, &f->answer),
			     DHCP_E_NONE);
	return answered;
}

uint32_t bind_host(struct fixture *f, uint8_t host, const char *relay, const char *virt)
{
	char offered[INET_ADDRSTRLEN], offered_virt[INET_ADDRSTRLEN];

	cr_assert(ASK(f, DHCP_DISCOVER, host, .relay = relay, .shim = virt));
	cr_assert_eq(f->answer.type, DHCP_OFFER);
	inet_ntop(AF_INET, &f->answer.header.yiaddr, offered, sizeof(offered));
	inet_ntop(AF_INET, &f->answer.shim, offered_virt, sizeof(offered_virt));
	cr_assert(ASK(f, DHCP_REQUEST, host, .relay = relay, .requested = offered,
		      .server = "10.0.0.1", .shim = virt ? offered_virt : NULL));
	cr_assert_eq(f->answer.type, DHCP_ACK);
	return yiaddr(f);
}

uint32_t yiaddr(const struct fixture *f)
{
	return ntohl(f->answer.header.yiaddr.s_addr);
}

uint32_t shim(const struct fixture *f)
{
	return ntohl(f->answer.shim.s_addr);
}

struct client *client_of(struct fixture *f, uint8_t host)
{
	const uint8_t key[] = {1, 2, 0, 0, 0, 0, host};

	return client_find(&f->server.leases, key, sizeof(key));
}
