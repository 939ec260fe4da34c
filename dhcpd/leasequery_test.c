// SPDX-License-Identifier: GPL-2.0-only
/* Leasequery, from the other end of a connection. */
#include <sys/socket.h>
#include <unistd.h>

#include "leasequery_log.h"
#include "talk_test.h"

#define CONF                                                                                       \
	SEED_CONF "leasequery { listen = \"10.0.0.1\"\n clients = {\"10.0.0.0/24\"}\n"             \
		  " connections = 2 }\n"
#define R1    "10.0.1.1"
#define R2    "10.0.2.1"
#define XID   0x51525354
#define START 1700001000u /* the fixture's wall clock when it begins */

static struct talk *begin(void)
{
	return talk_begin(fixture_new(CONF));
}

static void end(struct talk *t)
{
	struct fixture *f = t->f;

	talk_end(t);
	fixture_free(f);
}

/* ---- what is said ---- */

struct query {
	enum dhcp_type type;
	uint8_t mac; /* last byte; 0: none */
	const char *client_id;
	const char *relay_info;
	uint32_t since, until;
	const char *ciaddr;
};

static size_t make(const struct query *query, uint8_t buf[DHCP_MAX_MESSAGE])
{
	struct dhcp_header header = {.op = DHCP_BOOTREQUEST, .xid = htonl(XID)};
	struct dhcp_builder b;
	size_t len;

	if (query->ciaddr)
		header.ciaddr.s_addr = inet_addr(query->ciaddr);
	if (query->mac) {
		header.htype = 1;
		header.hlen = 6;
		memcpy(header.chaddr, (uint8_t[]){2, 0, 0, 0, 0, query->mac}, 6);
	}
	dhcp_build(&b, buf, DHCP_MAX_MESSAGE, &header, query->type);
	if (query->client_id)
		dhcp_put(&b, DHCP_OPT_CLIENT_ID, query->client_id, strlen(query->client_id));
	if (query->relay_info)
		dhcp_put(&b, DHCP_OPT_RELAY_INFO, query->relay_info, strlen(query->relay_info));
	if (query->since)
		dhcp_put_u32(&b, DHCP_OPT_QUERY_START, query->since);
	if (query->until)
		dhcp_put_u32(&b, DHCP_OPT_QUERY_END, query->until);
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	return len;
}

static void say_query(struct talk *t, const struct query *query)
{
	uint8_t buf[DHCP_MAX_MESSAGE];

	talk_ask(t, buf, make(query, buf));
}
#define QUERY(t, ...) say_query(t, &(const struct query){__VA_ARGS__})

/* ---- what is answered ---- */

static const char *got(struct talk *t)
{
	return talk_next(t) ? dhcp_type_name(t->message.type) : "nothing";
}

static uint32_t number(const struct talk *t, uint8_t code)
{
	uint32_t value = UINT32_MAX; /* absent */

	dhcp_get_u32(&t->message, code, &value);
	return value;
}

static int state(const struct talk *t)
{
	const struct dhcp_option *option = &t->message.options[DHCP_OPT_STATE];

	return option->len ? option->data[0] : 0;
}

static void expect_active(struct talk *t, const char *address, const char *virt,
			  uint32_t generation)
{
	cr_assert_str_eq(got(t), "LEASEACTIVE");
	cr_assert_eq(t->message.header.xid, htonl(XID));
	cr_assert_eq(t->message.header.ciaddr.s_addr, inet_addr(address), "%s: %s", address,
		     inet_ntoa(t->message.header.ciaddr));
	cr_assert_eq(state(t), LEASEQUERY_ACTIVE);
	cr_assert_eq(t->message.shim.s_addr, virt ? inet_addr(virt) : 0);
	cr_assert_eq(t->message.generation, generation);
}

static void expect_free(struct talk *t, const char *address, enum leasequery_state expected,
			const char *virt, uint32_t generation)
{
	cr_assert_str_eq(got(t), "LEASEUNASSIGNED");
	cr_assert_eq(t->message.header.ciaddr.s_addr, inet_addr(address));
	cr_assert_eq(state(t), expected);
	cr_assert_eq(t->message.shim.s_addr, virt ? inet_addr(virt) : 0);
	cr_assert_eq(t->message.generation, generation);
}

static void expect_status(struct talk *t, const char *type, enum leasequery_status expected,
			  const char *text)
{
	char said[LEASEQUERY_TEXT];

	cr_assert_str_eq(got(t), type);
	cr_assert_eq(t->message.header.xid, htonl(XID));
	cr_assert_eq(leasequery_get_status(&t->message, said), expected);
	cr_assert_str_eq(said, text);
}

static void expect_done(struct talk *t)
{
	expect_status(t, "LEASEQUERYDONE", LEASEQUERY_SUCCESS, "");
}

static uint64_t count(const struct talk *t, enum counter counter)
{
	return t->f->server.counters[counter];
}

/* ---- bulk ---- */

Test(leasequery, one_record_byte_for_byte)
{
	static const uint8_t head[] = {2,  1, 6, 0, 0x51, 0x52, 0x53, 0x54, 0, 0, 0, 0,
				       10, 0, 1, 5, 0,	  0,	0,    0,    0, 0, 0, 0,
				       0,  0, 0, 0, 2,	  0,	0,    0,    0, 1, 0};
	static const uint8_t options[] = {
		99,   130,  83,	  99,  53,   1,	   13,	54, 4,	10,  0, 0,  1,	 152, 4, 0x65,
		0x53, 0xf4, 0xf2,		   /* 10 s after START */
		51,   4,    0,	  0,   0x0e, 0x06, /* 3590 of 3600 s */
		156,  1,    2,	  157, 1,    0,	   153, 4,  0,	0,   0, 10, 91,	 4,   0, 0,
		0,    10,   61,	  7,   1,    2,	   0,	0,  0,	0,   1, 82, 5,	 1,   3, 'a',
		'p',  '1',  92,	  8,   10,   0,	   1,	5,  10, 128, 0, 2,  125, 17,  0, 0,
		0x7e, 0xd9, 12,	  1,   4,    10,   128, 0,  2,	13,  4, 0,  0,	 0,   1, 255};
	struct talk *t = begin();

	cr_assert(ASK(t->f, DHCP_DISCOVER, 1, .relay = R1, .shim = "0.0.0.0",
		      .relay_info = "\x01\x03"
				    "ap1"));
	cr_assert(ASK(t->f, DHCP_REQUEST, 1, .relay = R1, .shim = "10.128.0.2",
		      .requested = "10.0.1.5", .server = "10.0.0.1",
		      .relay_info = "\x01\x03"
				    "ap1"));
	pass_seconds(10);
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_BULKLEASEQUERY);
	cr_assert(talk_next(t));
	cr_assert_arr_eq(t->bytes, head, sizeof(head));
	cr_assert_arr_eq(t->bytes + 236, options, sizeof(options));
	cr_assert_eq(t->message.len, 236 + sizeof(options));
	expect_done(t);
	cr_assert_eq(number(t, DHCP_OPT_BASE_TIME), START + 10);
	cr_assert_not(talk_next(t));
	cr_assert_eq(count(t, COUNTER_leasequery_told), 1);
	end(t);
}

Test(leasequery, bulk_of_all_of_a_mac_of_a_client)
{
	struct talk *t = begin();

	bind_host(t->f, 1, R1, "0.0.0.0");
	bind_host(t->f, 2, R1, NULL);
	cr_assert(ASK(t->f, DHCP_DISCOVER, 3, .relay = R2)); /* no binding */
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_BULKLEASEQUERY);
	expect_active(t, "10.0.1.5", "10.128.0.2", 1);
	expect_active(t, "10.0.1.6", NULL, 1);
	expect_done(t);
	QUERY(t, DHCP_BULKLEASEQUERY, .mac = 2);
	expect_active(t, "10.0.1.6", NULL, 1);
	expect_done(t);
	QUERY(t, DHCP_BULKLEASEQUERY, .client_id = "nobody");
	expect_done(t);
	cr_assert(ASK(t->f, DHCP_DISCOVER, 4, .relay = R2, .client_id = "me", .shim = NULL));
	cr_assert(ASK(t->f, DHCP_REQUEST, 4, .relay = R2, .client_id = "me",
		      .requested = "10.0.2.8", .server = "10.0.0.1"));
	QUERY(t, DHCP_BULKLEASEQUERY, .client_id = "me");
	expect_active(t, "10.0.2.8", NULL, 1);
	expect_done(t);
	end(t);
}

Test(leasequery, bulk_of_a_time)
{
	struct talk *t = begin();

	bind_host(t->f, 1, R1, NULL);
	pass_seconds(100);
	bind_host(t->f, 2, R1, NULL);
	ASK(t->f, DHCP_RELEASE, 2, .ciaddr = "10.0.1.6", .server = "10.0.0.1");
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_BULKLEASEQUERY, .since = START + 100);
	expect_free(t, "10.0.1.6", LEASEQUERY_RELEASED, NULL, 0);
	expect_done(t);
	QUERY(t, DHCP_BULKLEASEQUERY, .until = START + 99);
	expect_active(t, "10.0.1.5", NULL, 1);
	expect_done(t);
	QUERY(t, DHCP_BULKLEASEQUERY);
	expect_active(t, "10.0.1.5", NULL, 1);
	expect_done(t);
	end(t);
}

/* A change that is not on disk is not told; the answer waits for it. */
Test(leasequery, nothing_is_told_before_it_is_stored)
{
	struct talk *t = begin();
	struct server *server = &t->f->server;
	const struct say request = {DHCP_REQUEST, 1, .relay = R1, .requested = "10.0.1.5",
				    .server = "10.0.0.1"};
	uint8_t buf[DHCP_MAX_MESSAGE];
	size_t len = say_bytes(&request, buf);

	bind_host(t->f, 2, R2, NULL);
	cr_assert(ASK(t->f, DHCP_DISCOVER, 1, .relay = R1));
	cr_assert(server_handle(server, &t->f->arrival, buf, len, &t->f->reply));
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_BULKLEASEQUERY);
	expect_active(t, "10.0.2.7", NULL, 1);
	cr_assert_not(talk_next(t), "neither the other nor that this is all");
	cr_assert_eq(server_commit(server), 0);
	t->f->stored(t->f);
	server_next_batch(server);
	expect_active(t, "10.0.1.5", NULL, 1);
	expect_done(t);
	end(t);
}

/* ---- refusals ---- */

Test(leasequery, strangers_are_told_so)
{
	struct talk *t = begin();

	bind_host(t->f, 1, R1, NULL);
	talk_from(t, "10.0.1.5");
	QUERY(t, DHCP_BULKLEASEQUERY);
	expect_status(t, "LEASEQUERYDONE", LEASEQUERY_NOT_ALLOWED,
		      "10.0.1.5 is not in leasequery { clients = ... } of this server");
	cr_assert(talk_is_closed(t));
	cr_assert_eq(count(t, COUNTER_leasequery_refused), 1);
	end(t);
}

Test(leasequery, queries_that_cannot_be_answered)
{
	struct talk *t = begin();

	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_BULKLEASEQUERY, .relay_info = "\x0c\x01r");
	expect_status(t, "LEASEQUERYDONE", LEASEQUERY_NOT_ALLOWED,
		      "relay and remote ids are not kept: ask by client identifier or hardware "
		      "address, or for all");
	QUERY(t, DHCP_BULKLEASEQUERY, .mac = 1, .client_id = "me");
	expect_status(t, "LEASEQUERYDONE", LEASEQUERY_MALFORMED,
		      "ask for a hardware address or a client identifier, not for both");
	QUERY(t, DHCP_BULKLEASEQUERY, .since = 2, .until = 1);
	expect_status(t, "LEASEQUERYDONE", LEASEQUERY_MALFORMED,
		      "query-start-time is after query-end-time");
	QUERY(t, DHCP_BULKLEASEQUERY, .ciaddr = "10.0.1.5");
	expect_status(t, "LEASEQUERYDONE", LEASEQUERY_MALFORMED,
		      "ciaddr, yiaddr and siaddr of a bulk query are to be 0");
	QUERY(t, DHCP_TLS);
	expect_status(t, "TLS", LEASEQUERY_TLS_REFUSED,
		      "there is no TLS here; ask without, over a network you trust");
	QUERY(t, DHCP_LEASEQUERY);
	expect_status(t, "LEASEQUERYDONE", LEASEQUERY_MALFORMED,
		      "only bulk and active queries are answered here");
	cr_assert(talk_is_closed(t));
	cr_assert_eq(count(t, COUNTER_leasequery_refused), 1);
	cr_assert_eq(count(t, COUNTER_leasequery_malformed), 4);
	end(t);
}

Test(leasequery, hostile_framing)
{
	static const uint8_t empty[2], longest[] = {0xff, 0xff}, some[400] = {0, 250, 1, 1, 6};
	struct talk *t = begin();
	uint8_t query[2 + DHCP_MAX_MESSAGE];
	size_t len = make(&(struct query){DHCP_BULKLEASEQUERY}, query + 2);

	query[0] = (uint8_t)(len >> 8);
	query[1] = (uint8_t)len;
	talk_from(t, "10.0.0.9");
	for (size_t i = 0; i < 2 + len; i++) {
		cr_assert_not(talk_next(t));
		talk_say(t, query + i, 1);
	}
	expect_done(t);
	talk_say(t, query, 200); /* half of one, and the end */
	shutdown(t->fd, SHUT_WR);
	cr_assert(talk_is_closed(t));
	talk_from(t, "10.0.0.9");
	talk_say(t, empty, sizeof(empty));
	cr_assert_str_eq(got(t), "LEASEQUERYDONE");
	cr_assert(talk_is_closed(t));
	talk_from(t, "10.0.0.9");
	talk_say(t, some, sizeof(some));
	cr_assert_str_eq(got(t), "LEASEQUERYDONE");
	cr_assert(talk_is_closed(t));
	talk_from(t, "10.0.0.9");
	talk_say(t, longest, sizeof(longest));
	for (int i = 0; i < 65535; i += 255)
		talk_say(t, some, 255);
	cr_assert_str_eq(got(t), "LEASEQUERYDONE");
	cr_assert(talk_is_closed(t));
	cr_assert_eq(count(t, COUNTER_leasequery_malformed), 3);
	end(t);
}

Test(leasequery, as_many_as_may_be)
{
	struct talk *t = begin();
	int first, second;

	talk_from(t, "10.0.0.9");
	first = dup(t->fd);
	talk_from(t, "10.0.0.9");
	second = dup(t->fd);
	talk_from(t, "10.0.0.10");
	cr_assert(talk_is_closed(t));
	cr_assert_eq(count(t, COUNTER_leasequery_full), 1);
	talk_from(t, "10.0.9.9");
	cr_assert_not(talk_is_closed(t), "strangers do not take their places");
	pass_seconds(READER_STRANGER_S + 1);
	leasequery_tick(t->lq);
	cr_assert(talk_is_closed(t));
	close(first);
	talk_run(t);
	talk_from(t, "10.0.0.10");
	cr_assert_not(talk_is_closed(t));
	pass_seconds(READER_SILENT_S + 1);
	leasequery_tick(t->lq);
	cr_assert(talk_is_closed(t));
	cr_assert_eq(count(t, COUNTER_leasequery_slow), 3);
	close(second);
	end(t);
}

/* ---- active ---- */

Test(leasequery, changes_as_they_are_stored)
{
	struct talk *t = begin();

	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_ACTIVELEASEQUERY);
	cr_assert_eq(leasequery_readers(t->lq), 1);
	cr_assert_not(talk_next(t));
	bind_host(t->f, 1, R1, "0.0.0.0");
	expect_active(t, "10.0.1.5", "10.128.0.2", 1);
	cr_assert_eq(number(t, DHCP_OPT_LEASE_TIME), 3600);
	bind_host(t->f, 1, R2, "10.128.0.2"); /* it moves */
	expect_active(t, "10.0.2.7", "10.128.0.2", 2);
	expect_free(t, "10.0.1.5", LEASEQUERY_RELEASED, NULL, 0);
	bind_host(t->f, 2, R1, NULL); /* and another gets its address */
	expect_active(t, "10.0.1.5", NULL, 1);
	pass_seconds(1000);
	cr_assert(ASK(t->f, DHCP_REQUEST, 2, .relay = R1, .ciaddr = "10.0.1.5")); /* it renews */
	expect_active(t, "10.0.1.5", NULL, 1);
	cr_assert_eq(number(t, DHCP_OPT_LEASE_TIME), 3600);
	cr_assert_eq(number(t, DHCP_OPT_STATE_START), 1000);
	cr_assert_eq(number(t, DHCP_OPT_LAST_TRANSACTION), 0);
	ASK(t->f, DHCP_RELEASE, 1, .ciaddr = "10.0.2.7", .server = "10.0.0.1");
	expect_free(t, "10.0.2.7", LEASEQUERY_RELEASED, "10.128.0.2", 3);
	pass_seconds(3601);
	ASK(t->f, DHCP_DISCOVER, 9, .relay = R2);
	expect_free(t, "10.0.1.5", LEASEQUERY_EXPIRED, NULL, 2);
	cr_assert_not(talk_next(t));
	QUERY(t, DHCP_BULKLEASEQUERY);
	expect_status(t, "LEASEQUERYDONE", LEASEQUERY_MALFORMED,
		      "one active query a connection, and nothing after it");
	cr_assert(talk_is_closed(t));
	end(t);
}

Test(leasequery, a_declined_address_is_abandoned)
{
	struct talk *t = begin();

	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_ACTIVELEASEQUERY);
	bind_host(t->f, 1, R1, NULL);
	expect_active(t, "10.0.1.5", NULL, 1);
	ASK(t->f, DHCP_DECLINE, 1, .relay = R1, .requested = "10.0.1.5", .server = "10.0.0.1");
	expect_free(t, "10.0.1.5", LEASEQUERY_ABANDONED, NULL, 2);
	end(t);
}

Test(leasequery, catching_up)
{
	struct talk *t = begin();

	bind_host(t->f, 1, R1, NULL);
	pass_seconds(10);
	bind_host(t->f, 2, R1, NULL);
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_ACTIVELEASEQUERY, .since = START + 10);
	expect_active(t, "10.0.1.6", NULL, 1);
	cr_assert_eq(number(t, DHCP_OPT_BASE_TIME), START + 10);
	expect_status(t, "LEASEQUERYSTATUS", LEASEQUERY_CAUGHT_UP, "");
	bind_host(t->f, 3, R1, NULL);
	expect_active(t, "10.0.1.7", NULL, 1);
	/* the second in which we began may have had another server's changes */
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_ACTIVELEASEQUERY, .since = START);
	expect_status(t, "LEASEQUERYSTATUS", LEASEQUERY_DATA_MISSING,
		      "what has changed since then is not known any more; ask for all by a bulk "
		      "query");
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_ACTIVELEASEQUERY, .since = START + 11);
	expect_status(t, "LEASEQUERYSTATUS", LEASEQUERY_DATA_MISSING,
		      "what has changed since then is not known any more; ask for all by a bulk "
		      "query");
	cr_assert_eq(count(t, COUNTER_leasequery_missing), 2);
	pass_seconds(50); /* in which nothing was told to anybody */
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_ACTIVELEASEQUERY, .since = START + 59);
	expect_status(t, "LEASEQUERYSTATUS", LEASEQUERY_CAUGHT_UP, "");
	/* the log's first second is later than any the server before can have told */
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_ACTIVELEASEQUERY, .since = START + 1);
	expect_active(t, "10.0.1.5", NULL, 1);
	end(t);
}

Test(leasequery, says_that_it_is_alive)
{
	struct talk *t = begin();

	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_ACTIVELEASEQUERY);
	for (int i = 0; i < 59; i++) {
		pass_seconds(1);
		leasequery_tick(t->lq);
	}
	cr_assert_not(talk_next(t));
	pass_seconds(1);
	leasequery_tick(t->lq);
	expect_status(t, "LEASEQUERYSTATUS", LEASEQUERY_ALIVE, "");
	for (int i = 0; i < 200; i++) {
		pass_seconds(1);
		leasequery_tick(t->lq);
		talk_receive(t);
	}
	cr_assert_not(talk_is_closed(t));
	end(t);
}

Test(leasequery, a_slow_reader_is_told_and_dropped, .timeout = 60)
{
	struct talk *t = begin();
	int records = 0;

	bind_host(t->f, 1, R1, "0.0.0.0");
	bind_host(t->f, 1, R2, "10.128.0.2");
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_ACTIVELEASEQUERY);
	for (int i = 0; i < LOG_RECORDS + 1000; i++) {
		ASK(t->f, DHCP_RELEASE, 1, .ciaddr = "10.0.2.7", .server = "10.0.0.1");
		bind_host(t->f, 1, R2, "10.128.0.2");
		talk_run(t);
	}
	while (!strcmp(got(t), "LEASEACTIVE") || t->message.type == DHCP_LEASEUNASSIGNED)
		records++;
	cr_assert_lt(records, LOG_RECORDS);
	cr_assert_eq(t->message.type, DHCP_LEASEQUERYSTATUS);
	cr_assert_eq(t->message.options[DHCP_OPT_STATUS].data[0], LEASEQUERY_DATA_MISSING);
	cr_assert(talk_is_closed(t));
	cr_assert_eq(count(t, COUNTER_leasequery_missing), 1);
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_BULKLEASEQUERY);
	expect_active(t, "10.0.2.7", "10.128.0.2", client_of(t->f, 1)->generation);
	expect_done(t);
	QUERY(t, DHCP_ACTIVELEASEQUERY);
	ASK(t->f, DHCP_RELEASE, 1, .ciaddr = "10.0.2.7", .server = "10.0.0.1");
	expect_free(t, "10.0.2.7", LEASEQUERY_RELEASED, "10.128.0.2", 2 * (LOG_RECORDS + 1000) + 3);
	end(t);
}

Test(leasequery, one_that_never_reads_is_closed, .timeout = 60)
{
	struct talk *t = begin();

	bind_host(t->f, 1, R2, "0.0.0.0");
	talk_from(t, "10.0.0.9");
	QUERY(t, DHCP_ACTIVELEASEQUERY);
	for (int i = 0; i < 2000; i++) {
		ASK(t->f, DHCP_RELEASE, 1, .ciaddr = "10.0.2.7", .server = "10.0.0.1");
		bind_host(t->f, 1, R2, "10.128.0.2");
		talk_run(t);
	}
	leasequery_tick(t->lq);
	pass_seconds(LEASEQUERY_DEAD_S + 1);
	leasequery_tick(t->lq);
	cr_assert_eq(count(t, COUNTER_leasequery_slow), 1);
	cr_assert_eq(leasequery_readers(t->lq), 0);
	end(t);
}

/* ---- the log ---- */

Test(leasequery_log, base_times_never_fall)
{
	struct leasequery_log log;
	uint64_t number;

	cr_assert_eq(leasequery_log_init(&log, 1000), 0);
	cr_assert_eq(leasequery_log_time(&log, 1000), 1001);
	cr_assert_eq(leasequery_log_time(&log, 1005), 1005);
	leasequery_log_put(&log, 1005, "a", 1);
	cr_assert_eq(leasequery_log_time(&log, 3), 1005, "the wall clock was set");
	leasequery_log_put(&log, 1005, "b", 1);
	cr_assert_eq(leasequery_log_time(&log, 1006), 1006);
	leasequery_log_put(&log, 1006, "c", 1);
	cr_assert_eq(leasequery_log_find(&log, 1005, &number), 0);
	cr_assert_eq(number, 0);
	cr_assert_eq(leasequery_log_find(&log, 1006, &number), 0);
	cr_assert_eq(number, 2);
	cr_assert_eq(leasequery_log_get(&log, number)->bytes[0], 'c');
	cr_assert_eq(leasequery_log_find(&log, 1000, &number), -ENODATA);
	cr_assert_eq(leasequery_log_find(&log, 1007, &number), -ENODATA);
	for (int i = 0; i < LOG_RECORDS - 2; i++)
		leasequery_log_put(&log, 1006, "d", 1);
	cr_assert_eq(leasequery_log_find(&log, 1005, &number), -ENODATA, "its first is lost");
	cr_assert_eq(leasequery_log_find(&log, 1006, &number), 0);
	cr_assert_eq(number, 2);
	leasequery_log_done(&log);
}
