// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages through the server's decision, on virtual time. A step of the input is a byte
 * that says what comes, and then a message: written field by field, so that conversations
 * come about, or as it is. Whatever clients say: what is answered can be parsed, an ACK's
 * addresses are its client's in the database and nobody else's, and the pools' sums are right.
 */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "mnat/clock.h"

#include "quiet.h"
#include "server.h"

static const char text[] = "interfaces = {\"eth1\"}\n"
			   "server-id = \"10.0.0.1\"\n"
			   "lease-time = 60\n"
			   "virtual { pool = \"10.128.0.2-10.128.0.9\"\n manager = \"10.0.0.1\"\n"
			   " lease-time = 120 }\n"
			   "subnet \"10.0.1.0/24\" { pool = \"10.0.1.5-10.0.1.9\" }\n"
			   "subnet \"10.0.2.0/24\" { pool = \"10.0.2.7-10.0.2.8\" }\n";

#define RECORDS 4096

static struct conf *conf;
static struct mnat_lease_record records[RECORDS];
static size_t n_records;
static bool disk_is_full;
static uint64_t now;

static uint64_t virtual_clock(void)
{
	return now;
}

static int64_t virtual_wall(void)
{
	return (int64_t)(now / MNAT_NS_PER_SEC);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[] = "/tmp/mnat-fuzz-XXXXXX";
	int fd = mkstemp(path);

	require(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	require(!conf_load(path, &conf));
	unlink(path);
	close(fd);
	mnat_clock_replace(virtual_clock);
	be_quiet();
	return 0;
}

/* ---- the store ---- */

static int load(struct mnat_store *store,
		int (*each)(const struct mnat_lease_record *record, void *user), void *user)
{
	for (size_t i = 0; i < n_records; i++)
		require(!each(&records[i], user));
	return 0;
}

static int begin(struct mnat_store *store)
{
	return disk_is_full ? -1 : 0;
}

static struct mnat_lease_record *find(uint32_t address)
{
	for (size_t i = 0; i < n_records; i++)
		if (records[i].address == address)
			return &records[i];
	return NULL;
}

static int put(struct mnat_store *store, const struct mnat_lease_record *record)
{
	struct mnat_lease_record *place = find(record->address);

	if (!place) {
		require(n_records < RECORDS);
		place = &records[n_records++];
	}
	*place = *record;
	return 0;
}

static int commit(struct mnat_store *store)
{
	return 0;
}

static const struct mnat_store_ops store_ops = {
	.load = load, .begin = begin, .put = put, .commit = commit};

/* ---- messages ---- */

struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t take(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

/* An address that means something here, or none. */
static uint32_t pick(struct input *in)
{
	uint8_t byte = take(in);
	static const uint32_t bases[] = {0, 0x0a000100, 0x0a000200, 0x0a800000};

	return byte ? bases[byte >> 6] + (byte & 15) : 0;
}

static size_t write_message(struct input *in, uint8_t *buf, size_t size)
{
	struct dhcp_header header = {.op = DHCP_BOOTREQUEST, .htype = 1, .hlen = 6};
	uint8_t fields = take(in), type = (uint8_t)(1 + take(in) % 8);
	uint8_t code, option_len;
	struct dhcp_builder b;
	size_t len = 0;

	header.chaddr[5] = take(in) & 7;
	header.giaddr.s_addr = htonl(fields & 1 ? 0x0a000101 : 0x0a000201);
	if (fields & 2)
		header.ciaddr.s_addr = htonl(pick(in));
	dhcp_build(&b, buf, size, &header, type);
	if (fields & 4)
		dhcp_put_u32(&b, DHCP_OPT_REQUESTED_IP, pick(in));
	if (fields & 8)
		dhcp_put_u32(&b, DHCP_OPT_SERVER_ID, fields & 16 ? 0x0a000001 : 0x0a000002);
	if (fields & 32)
		dhcp_put_u32(&b, DHCP_SEED_OPTION_DEFAULT, pick(in));
	if (fields & 64) {
		code = take(in);
		option_len = take(in);
		if (option_len > in->left)
			option_len = (uint8_t)in->left;
		if (code && code != DHCP_OPT_END && code != DHCP_OPT_TYPE)
			dhcp_put(&b, code, in->at, option_len);
		in->at += option_len;
		in->left -= option_len;
	}
	return dhcp_finish(&b, &len) ? 0 : len;
}

static size_t copy_message(struct input *in, uint8_t *buf, size_t size)
{
	size_t len = (size_t)take(in) << 8 | take(in);

	if (len > in->left)
		len = in->left;
	if (len > size)
		len = size;
	memcpy(buf, in->at, len);
	in->at += len;
	in->left -= len;
	return len;
}

/* ---- what must be so ---- */

static void check_stored(const struct server *s, const struct reply *reply)
{
	static struct dhcp_message out;
	const struct mnat_lease_record *record, *virt;

	require(reply->len <= reply->room);
	require(!dhcp_parse(&s->conf->virt.codec, DHCP_BOOTREPLY, reply->bytes, reply->len, &out));
	require(out.type == reply->type);
	if (reply->type != DHCP_ACK || !out.header.yiaddr.s_addr || disk_is_full)
		return;
	record = find(ntohl(out.header.yiaddr.s_addr));
	require(record && record->state == MNAT_LEASE_BOUND && !record->is_virtual);
	require(!memcmp(record->mac, out.header.chaddr, sizeof(record->mac)));
	if (!out.shim.s_addr)
		return;
	virt = find(ntohl(out.shim.s_addr));
	require(virt && virt->state == MNAT_LEASE_BOUND && virt->is_virtual);
	require(virt->client_len == record->client_len &&
		!memcmp(virt->client, record->client, virt->client_len));
}

static void check_pools(const struct server *s)
{
	uint32_t used = 0, taken = 0;

	for (size_t i = 0; i <= s->conf->n_subnets; i++) {
		require(s->leases.pools[i].used <= s->leases.pools[i].size);
		used += s->leases.pools[i].used;
	}
	for (const struct lease *lease = s->leases.addresses; lease; lease = lease->hh.next) {
		taken += lease->taken;
		require(!lease->taken || lease_is_held(lease));
	}
	require(used == taken);
}

static void step(struct server *s, struct input *in)
{
	static struct reply reply;
	uint8_t buf[DHCP_MAX_MESSAGE + 1], what = take(in);
	const struct arrival arrival = {.ifindex = 2, .local = 0x0a000101, .broadcast = what & 1};
	size_t len;

	disk_is_full = (what & 0xe) == 0xe;
	if (what & 0x10)
		now += (uint64_t)take(in) * MNAT_NS_PER_SEC;
	if (what & 0x20)
		server_expire(s);
	len = what & 0x40 ? copy_message(in, buf, sizeof(buf)) : write_message(in, buf, sizeof(buf));
	if (server_handle(s, &arrival, buf, len, &reply)) {
		server_commit(s);
		check_stored(s, &reply);
	} else {
		server_commit(s);
	}
	if (!s->leases.dirty)
		server_next_batch(s);
	check_pools(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct server server;

	now = 1000 * MNAT_NS_PER_SEC;
	n_records = 0;
	disk_is_full = false;
	require(!server_init(&server, conf, &store_ops, NULL, virtual_wall));
	for (int i = 0; in.left && i < 64; i++)
		step(&server, &in);
	server_done(&server);
	/* and what is on disk is a server again */
	require(!server_init(&server, conf, &store_ops, NULL, virtual_wall));
	check_pools(&server);
	server_done(&server);
	return 0;
}
