// SPDX-License-Identifier: GPL-2.0-only
/* Leases asked for by leasequery, of a server on a socket pair. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "leasequery.h"
#include "manager.h"
#include "mnat/clock.h"

#define V  "10.128.0.2"
#define A1 "10.0.1.5"
#define A2 "10.0.2.7"
#define P  "10.0.1.9"

static const struct dhcp_codec codec = {.enterprise = 32473};
static uv_loop_t loop;
static struct manager manager;
static uint64_t clock_ns;
static int server = -1; /* its end */
static struct dhcp_message asked;

static uint64_t virtual_clock(void)
{
	return clock_ns;
}

static void turns(int n)
{
	while (n--)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void setup(void)
{
	/* nobody listens there: connections are the test's own */
	const struct feed_conf conf = {.server = {.sin_family = AF_INET,
						  .sin_port = htons(1),
						  .sin_addr = {htonl(INADDR_LOOPBACK)}},
				       .codec = codec};

	clock_ns = MNAT_NS_PER_SEC;
	mnat_clock_replace(virtual_clock);
	uv_loop_init(&loop);
	cr_assert_eq(manager_start(&manager, &loop), 0);
	cr_assert_eq(feed_start(&loop, &manager, &conf, &manager.feed), 0);
}

static void teardown(void)
{
	feed_close(manager.feed);
	manager.feed = NULL;
	manager_close(&manager);
	close(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	manager_free(&manager);
}

TestSuite(feed, .init = setup, .fini = teardown, .timeout = 20);

/* ---- the server ---- */

static void listen_to_query(void)
{
	uint8_t buf[2 + DHCP_MAX_MESSAGE];
	const uint8_t *message;
	size_t len;
	ssize_t n;

	turns(3);
	n = recv(server, buf, sizeof(buf), MSG_DONTWAIT);
	cr_assert(n > 0);
	cr_assert_eq(leasequery_next(buf, (size_t)n, &message, &len), (size_t)n);
	cr_assert_eq(dhcp_parse_query(&codec, DHCP_BOOTREQUEST, message, len, &asked), DHCP_E_NONE);
}

/* The feed's next connection, and its query of that type; since 0: without a time. */
static void expect_query(enum dhcp_type type, uint32_t since)
{
	uint32_t start = 0;
	int fd[2];

	if (server >= 0)
		close(server);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
	server = fd[0];
	cr_assert_eq(feed_attach(manager.feed, fd[1]), 0);
	listen_to_query();
	dhcp_get_u32(&asked, DHCP_OPT_QUERY_START, &start);
	cr_assert_str_eq(dhcp_type_name(asked.type), dhcp_type_name(type));
	cr_assert_eq(start, since);
}

static void send_all(const void *bytes, size_t len)
{
	cr_assert_eq(send(server, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

struct tell {
	enum dhcp_type type;
	const char *address;
	uint32_t time;
	const char *virt;
	uint32_t generation;
	uint8_t mac;
	int status; /* 0: none */
	uint32_t xid_off;
	uint8_t mode;
	const char *shows;
};

static size_t make(const struct tell *tell, uint8_t *buf)
{
	struct dhcp_header header = {
		.op = DHCP_BOOTREPLY,
		.htype = 1,
		.hlen = 6,
		.xid = asked.header.xid + tell->xid_off,
		.ciaddr = {tell->address ? inet_addr(tell->address) : 0},
		.chaddr = {2, 0, 0, 0, 0, tell->mac},
	};
	const struct dhcp_mnat mnat = {
		.shim = {tell->virt ? inet_addr(tell->virt) : 0},
		.generation = tell->generation,
		.mode = tell->mode,
	};
	struct dhcp_builder b;
	size_t len;

	dhcp_build(&b, buf + 2, DHCP_MAX_MESSAGE, &header, tell->type);
	if (tell->time)
		dhcp_put_u32(&b, DHCP_OPT_BASE_TIME, tell->time);
	if (tell->generation || tell->virt)
		dhcp_put_mnat(&b, &codec, DHCP_SHIM_VIVSO, &mnat);
	if (tell->shows) {
		const in_addr_t all[] = {inet_addr(tell->address), inet_addr(tell->shows)};

		dhcp_put(&b, DHCP_OPT_ASSOCIATED_IP, all, sizeof(all));
	}
	if (tell->status)
		leasequery_put_status(&b, (enum leasequery_status)tell->status, "so it is");
	cr_assert_eq(dhcp_finish(&b, &len), 0);
	buf[0] = (uint8_t)(len >> 8);
	buf[1] = (uint8_t)len;
	return 2 + len;
}

static void tell_it(const struct tell *tell)
{
	uint8_t buf[2 + DHCP_MAX_MESSAGE];

	send_all(buf, make(tell, buf));
	turns(4);
}
#define TELL(...) tell_it(&(const struct tell){__VA_ARGS__})

/* ---- what the manager has ---- */

static const struct host *host_of(const char *identity, bool plain)
{
	return registry_find(&manager.registry, (struct in_addr){inet_addr(identity)}, plain);
}

static void expect_host(const char *identity, bool plain, const char *actual, uint32_t generation)
{
	const struct host *host = host_of(identity, plain);

	cr_assert(host, "%s is not known", identity);
	cr_assert_eq(host->actual.s_addr, actual ? inet_addr(actual) : 0);
	cr_assert_eq(host->generation, generation, "%u", host->generation);
}

static bool is_gone(const char *identity, bool plain)
{
	const struct host *host = host_of(identity, plain);

	return !host || host_has_left(host);
}

static const char *state(void)
{
	static char text[64];
	json_t *status = feed_status(manager.feed);

	snprintf(text, sizeof(text), "%s", json_string_value(json_object_get(status, "state")));
	json_decref(status);
	return text;
}

static void become_live(uint32_t time)
{
	expect_query(DHCP_BULKLEASEQUERY, 0);
	TELL(DHCP_LEASEQUERYDONE, .time = time);
	expect_query(DHCP_ACTIVELEASEQUERY, time);
	TELL(DHCP_LEASEQUERYSTATUS, .time = time, .status = LEASEQUERY_CAUGHT_UP);
	cr_assert_str_eq(state(), "live");
}

/* ---- tests ---- */

Test(feed, all_and_then_the_changes)
{
	expect_query(DHCP_BULKLEASEQUERY, 0);
	cr_assert_str_eq(state(), "not connected");
	TELL(DHCP_LEASEACTIVE, A1, 100, V, 5, .mac = 1);
	cr_assert(manager.registry.in_snapshot);
	TELL(DHCP_LEASEACTIVE, P, 101, NULL, 3, .mac = 2);
	expect_host(V, false, A1, 5);
	expect_host(P, true, P, 3);
	cr_assert_str_eq(host_of(P, true)->mac, "02:00:00:00:00:02");
	TELL(DHCP_LEASEQUERYDONE, .time = 102);
	cr_assert_not(manager.registry.complete, "not before it has caught up");
	expect_query(DHCP_ACTIVELEASEQUERY, 100);
	TELL(DHCP_LEASEACTIVE, A2, 101, V, 6, .mac = 1);
	TELL(DHCP_LEASEUNASSIGNED, A1, 101, .mac = 1);
	expect_host(V, false, A2, 6);
	TELL(DHCP_LEASEQUERYSTATUS, .time = 103, .status = LEASEQUERY_CAUGHT_UP);
	cr_assert(manager.registry.complete);
	cr_assert_not(manager.registry.in_snapshot);
	cr_assert_str_eq(state(), "live");
	cr_assert_null(feed_problem(manager.feed));
	TELL(DHCP_LEASEUNASSIGNED, A2, 104, V, 7, .mac = 1);
	TELL(DHCP_LEASEUNASSIGNED, P, 104, NULL, 4, .mac = 2);
	cr_assert(is_gone(V, false));
	cr_assert(is_gone(P, true));
	cr_assert_eq(manager.counters[MM_C_FEED_RECORDS], 6);
	cr_assert_eq(manager.counters[MM_C_SNAPSHOTS], 1);
}

Test(feed, goes_on_from_the_last_time_or_begins_anew)
{
	become_live(100);
	TELL(DHCP_LEASEACTIVE, A1, 150, V, 5, .mac = 1);
	TELL(DHCP_LEASEQUERYSTATUS, .time = 160, .status = LEASEQUERY_ALIVE);
	close(server);
	server = -1;
	turns(2);
	cr_assert_str_eq(state(), "catching up");
	expect_query(DHCP_ACTIVELEASEQUERY, 160);
	TELL(DHCP_LEASEACTIVE, A2, 160, V, 6, .mac = 1);
	TELL(DHCP_LEASEQUERYSTATUS, .time = 161, .status = LEASEQUERY_CAUGHT_UP);
	expect_host(V, false, A2, 6);
	cr_assert_eq(manager.counters[MM_C_SNAPSHOTS], 1, "nothing was missed");
	TELL(DHCP_LEASEQUERYSTATUS, .time = 170, .status = LEASEQUERY_DATA_MISSING);
	expect_query(DHCP_BULKLEASEQUERY, 0);
	TELL(DHCP_LEASEACTIVE, P, 171, NULL, 1, .mac = 2);
	TELL(DHCP_LEASEQUERYDONE, .time = 172);
	expect_host(V, false, A2, 6);
	expect_query(DHCP_ACTIVELEASEQUERY, 171);
	TELL(DHCP_LEASEQUERYSTATUS, .time = 173, .status = LEASEQUERY_CAUGHT_UP);
	cr_assert(is_gone(V, false), "it was not named any more");
	expect_host(P, true, P, 1);
	cr_assert_eq(manager.counters[MM_C_GONE], 1);
	cr_assert_eq(manager.counters[MM_C_FEED_MISSED], 1);
}

/* What the bulk query told already is told again by the changes since its beginning. */
Test(feed, an_older_change_told_again_changes_nothing)
{
	expect_query(DHCP_BULKLEASEQUERY, 0);
	TELL(DHCP_LEASEACTIVE, P, 100, NULL, 3, .mac = 2);
	TELL(DHCP_LEASEQUERYDONE, .time = 100);
	expect_query(DHCP_ACTIVELEASEQUERY, 100);
	TELL(DHCP_LEASEACTIVE, P, 100, NULL, 1, .mac = 1);
	TELL(DHCP_LEASEUNASSIGNED, P, 100, NULL, 2, .mac = 1);
	expect_host(P, true, P, 3);
	TELL(DHCP_LEASEACTIVE, P, 100, NULL, 3, .mac = 2);
	expect_host(P, true, P, 3);
	cr_assert_eq(manager.counters[MM_C_STALE], 2);
	cr_assert_eq(manager.counters[MM_C_REPEATED], 1);
}

Test(feed, of_another_server_each_address_is_a_host)
{
	become_live(1000);
	TELL(DHCP_LEASEACTIVE, P, 1000, .mac = 1);
	expect_host(P, true, P, 1000);
	TELL(DHCP_LEASEACTIVE, P, 1500, .mac = 1); /* renewed */
	expect_host(P, true, P, 1000);
	TELL(DHCP_LEASEUNASSIGNED, P, 1500, .mac = 1);
	cr_assert(is_gone(P, true));
	TELL(DHCP_LEASEACTIVE, P, 1500, .mac = 2); /* in the same second */
	expect_host(P, true, P, 1501);
	TELL(DHCP_LEASEACTIVE, P, 1500, .mac = 3);
	expect_host(P, true, P, 1502);
	TELL(DHCP_LEASEACTIVE, A1, 1600, .mac = 4);
	expect_host(A1, true, A1, 1600);
}

Test(feed, a_host_by_tunnel)
{
	become_live(100);
	TELL(DHCP_LEASEACTIVE, A1, 100, V, 5, .mac = 1, .mode = DHCP_MODE_TUNNEL);
	cr_assert(host_of(V, false)->tunnel);
	expect_host(V, false, A1, 5);
}

/* Its identity is not what it shows; one of those that shows nothing is none. */
Test(feed, a_host_that_shares)
{
	become_live(100);
	TELL(DHCP_LEASEACTIVE, A1, 100, "240.1.0.2", 5, .mac = 1, .mode = DHCP_MODE_TUNNEL,
	     .shows = "10.128.9.1");
	expect_host("240.1.0.2", false, A1, 5);
	cr_assert_eq(host_of("240.1.0.2", false)->shows.s_addr, inet_addr("10.128.9.1"));
	TELL(DHCP_LEASEACTIVE, A2, 100, "240.1.0.3", 5, .mac = 2, .mode = DHCP_MODE_TUNNEL);
	TELL(DHCP_LEASEACTIVE, A2, 100, "240.1.0.4", 5, .mac = 2, .shows = "10.128.9.1");
	cr_assert_null(host_of("240.1.0.3", false));
	cr_assert_null(host_of("240.1.0.4", false));
	TELL(DHCP_LEASEUNASSIGNED, A1, 101, "240.1.0.2", 6, .mac = 1);
	cr_assert(is_gone("240.1.0.2", false));
}

Test(feed, a_refusal_is_said_with_its_reason)
{
	json_t *problem;

	expect_query(DHCP_BULKLEASEQUERY, 0);
	TELL(DHCP_LEASEQUERYDONE, .status = LEASEQUERY_NOT_ALLOWED);
	problem = feed_problem(manager.feed);
	cr_assert_str_eq(json_string_value(problem),
			 "the DHCP server at 127.0.0.1:1 refuses a bulk query: NotAllowed: so it "
			 "is: its leases may have changed unheard; is this host's address in its "
			 "leasequery { clients = ... }, and its listen = this?");
	json_decref(problem);
	cr_assert_not(manager.registry.in_snapshot);
	cr_assert_eq(manager.counters[MM_C_FEED_LOST], 1);
}

/* RFC 6926 but not 7724: snapshots are what there is. */
Test(feed, a_server_that_knows_no_active_query)
{
	expect_query(DHCP_BULKLEASEQUERY, 0);
	TELL(DHCP_LEASEACTIVE, P, 100, .mac = 1);
	TELL(DHCP_LEASEQUERYDONE);
	expect_query(DHCP_ACTIVELEASEQUERY, 100);
	TELL(DHCP_LEASEQUERYDONE, .status = LEASEQUERY_NOT_ALLOWED);
	cr_assert(manager.registry.complete);
	expect_query(DHCP_BULKLEASEQUERY, 0);
	TELL(DHCP_LEASEQUERYDONE, .time = 110);
	expect_query(DHCP_ACTIVELEASEQUERY, 110);
	TELL(DHCP_LEASEQUERYDONE, .status = LEASEQUERY_MALFORMED);
	cr_assert(is_gone(P, true));
	expect_query(DHCP_BULKLEASEQUERY, 0);
	TELL(DHCP_LEASEACTIVE, A1, 120, .mac = 1);
	TELL(DHCP_LEASEQUERYDONE);
	expect_query(DHCP_ACTIVELEASEQUERY, 120);
	cr_assert(manager.registry.in_snapshot);
	shutdown(server, SHUT_RDWR); /* says nothing at all */
	turns(3);
	cr_assert_not(manager.registry.in_snapshot);
	expect_query(DHCP_BULKLEASEQUERY, 0);
}

Test(feed, hostile_messages)
{
	static const uint8_t nothing[2], longest[2 + 65535] = {0xff, 0xff, 2};
	uint8_t buf[2 + DHCP_MAX_MESSAGE];
	size_t len;

	become_live(100);
	len = make(&(struct tell){DHCP_LEASEACTIVE, A1, 100, V, 5, .mac = 1}, buf);
	for (size_t i = 0; i < len; i++) {
		cr_assert_null(host_of(V, false));
		send_all(buf + i, 1);
		turns(2);
	}
	expect_host(V, false, A1, 5);
	send_all(nothing, sizeof(nothing));
	for (size_t i = 0; i < sizeof(longest); i += 4096) {
		send_all(longest + i, sizeof(longest) - i < 4096 ? sizeof(longest) - i : 4096);
		turns(2);
	}
	TELL(DHCP_LEASEACTIVE, P, 100, .mac = 1, .xid_off = 1);
	TELL(DHCP_LEASEACTIVE, NULL, 100, .mac = 1);
	TELL(DHCP_LEASEUNKNOWN, P, 100);
	cr_assert_null(host_of(P, true));
	cr_assert_eq(manager.counters[MM_C_FEED_REFUSED], 5);
	TELL(DHCP_LEASEACTIVE, P, 100, NULL, 1, .mac = 1);
	expect_host(P, true, P, 1);
	send_all(buf, len / 2); /* and the end */
	shutdown(server, SHUT_WR);
	turns(2);
	expect_query(DHCP_ACTIVELEASEQUERY, 100);
}

Test(feed, a_silent_server_is_asked_again)
{
	become_live(100);
	clock_ns += (LEASEQUERY_DEAD_S + 1) * MNAT_NS_PER_SEC;
	for (int i = 0; i < 40 && !strcmp(state(), "live"); i++) {
		usleep(50000); /* the loop's timers are real */
		turns(1);
	}
	cr_assert_str_eq(state(), "catching up");
}
