// SPDX-License-Identifier: GPL-2.0-only
/* The managers' connections over real TLS: who is heard, and what one peer can do to others. */
#include "link.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../selftests/unit/certs.h"
#include "mnat/cleanup.h"

#define DAY 86400
#define SELF 9

enum { ONE, TWO, N_PEERS };

/* Another domain's manager, as good or as bad as the test makes it. */
struct peer {
	struct mnat_tls *tls;
	struct mnat_tls_connector *connector;
	struct mnat_stream *stream;
	bool paused; /* it does not read */
	unsigned int hellos;
	unsigned int answers;
	uint8_t last; /* sub-type of the last negative one */
	bool ended;
};

static uv_loop_t loop;
static char dir[64], address[32];
static struct test_ca *ca;
static struct mnat_tls *tls;
static struct links *links;
static struct roam roam;
static struct peer peers[N_PEERS];

/* ---- the manager under test ---- */

static uint64_t wall_s(void *user)
{
	return 1700000000;
}

static int send_message(unsigned int peer, const struct peering_message *m, void *user)
{
	return links_send(links, peer, m);
}

static const struct roam_ops ops = {.wall_s = wall_s, .send = send_message};

static uint16_t free_port(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	return ntohs(addr.sin_port);
}

static struct mnat_tls *tls_of(const char *name)
{
	char paths[3][128];
	const struct mnat_tls_conf conf = {.ca = paths[0], .cert = paths[1], .key = paths[2]};
	struct mnat_tls *made;

	test_ca_issue(ca, name, name, -60, DAY);
	snprintf(paths[0], sizeof(paths[0]), "%s/one.ca.pem", dir);
	snprintf(paths[1], sizeof(paths[1]), "%s/%s.pem", dir, name);
	snprintf(paths[2], sizeof(paths[2]), "%s/%s.key", dir, name);
	cr_assert_eq(mnat_tls_new(&conf, &made), 0);
	return made;
}

static void setup(void)
{
	static const struct link_conf conf[N_PEERS] = {{"127.0.0.1:1", "mm.one"},
						       {"127.0.0.1:1", "mm.two"}};

	snprintf(dir, sizeof(dir), "/tmp/mnat-link-XXXXXX");
	cr_assert(mkdtemp(dir));
	uv_loop_init(&loop);
	ca = test_ca_new(dir, "one");
	tls = tls_of("mm.self");
	peers[ONE].tls = tls_of("mm.one");
	peers[TWO].tls = tls_of("mm.two");
	roam = (struct roam){.domain = SELF, .n_peers = N_PEERS, .ops = &ops};
	for (uint32_t i = 0; i < N_PEERS; i++)
		roam.peers[i] = (struct roam_peer){.domain = i + 1, .rate = 1000000};
	snprintf(address, sizeof(address), "127.0.0.1:%u", free_port());
	cr_assert_eq(links_open(&loop, &roam, conf, tls, address, &links), 0);
}

static void teardown(void)
{
	char command[128];

	for (int i = 0; i < N_PEERS; i++) {
		mnat_stream_close(peers[i].stream);
		mnat_tls_connector_close(peers[i].connector);
	}
	links_close(links);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	mnat_tls_free(tls);
	for (int i = 0; i < N_PEERS; i++)
		mnat_tls_free(peers[i].tls);
	test_ca_free(ca);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(link, .init = setup, .fini = teardown, .timeout = 60);

/* ---- the others ---- */

static ssize_t on_received(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	struct peer *peer = user;
	size_t taken = 0, skip;
	struct peering_message m;
	int n;

	while ((n = peering_decode(buf + taken, len - taken, &m, &skip)) > 0) {
		taken += (size_t)n;
		if (m.subtype == PEERING_HELLO && m.basic == SIMCO_REQUEST) {
			peer->hellos++;
			continue;
		}
		peer->answers += m.subtype != PEERING_HELLO;
		if (m.basic == SIMCO_NEGATIVE)
			peer->last = m.subtype;
	}
	return (ssize_t)taken;
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
	struct peer *peer = user;

	mnat_stream_close(stream);
	if (peer->stream == stream) {
		peer->ended = true;
		peer->stream = NULL;
	}
}

static const struct mnat_stream_ops stream_ops = {.received = on_received, .ended = on_ended};

static void on_ready(struct mnat_stream *stream, const char *name, void *user)
{
	struct peer *peer = user;

	mnat_stream_hand_over(stream, 1 << 20, &stream_ops, peer);
	peer->stream = stream;
	peer->ended = false;
}

static void connect_peer(int i)
{
	struct peer *peer = &peers[i];

	if (peer->connector)
		mnat_tls_reconnect(peer->connector);
	else
		cr_assert_eq(mnat_tls_connect(&loop, peer->tls, address, "mm.self", on_ready, peer,
					      &peer->connector),
			     0);
	while (!peer->stream)
		uv_run(&loop, UV_RUN_ONCE);
}

static void say(int i, struct peering_message m)
{
	uint8_t *at = mnat_stream_reserve(peers[i].stream, SIMCO_MAX_MESSAGE);

	m.basic = SIMCO_REQUEST;
	mnat_stream_commit(peers[i].stream, (size_t)peering_encode(&m, at, SIMCO_MAX_MESSAGE));
}

static void say_hello(int i, uint32_t domain)
{
	say(i, (struct peering_message){.subtype = PEERING_HELLO,
					.has = PEERING_HAS_DOMAIN,
					.domain = domain});
}

static void ask(int i)
{
	say(i, (struct peering_message){.subtype = PEERING_RENEW,
					.has = PEERING_HAS_VIRTUAL,
					.virt.s_addr = inet_addr("10.128.0.2")});
}

static void bring_up(int i)
{
	connect_peer(i);
	say_hello(i, (uint32_t)i + 1);
	while (!roam.peers[i].up)
		uv_run(&loop, UV_RUN_ONCE);
}

static void wait_end(int i)
{
	while (!peers[i].ended)
		uv_run(&loop, UV_RUN_ONCE);
}

/* ---- tests ---- */

Test(link, up_and_answered)
{
	bring_up(ONE);
	ask(ONE);
	while (!peers[ONE].answers)
		uv_run(&loop, UV_RUN_ONCE);
	cr_assert_eq(peers[ONE].last, PEERING_E_UNKNOWN);
	cr_assert_not(roam.peers[TWO].up);
	cr_assert_eq(roam.peers[ONE].refused, 1);
}

Test(link, of_another_domain_than_its_certificate_says)
{
	connect_peer(ONE);
	say_hello(ONE, 2);
	wait_end(ONE);
	cr_assert_not(roam.peers[ONE].up);
	cr_assert_not(roam.peers[TWO].up);
}

Test(link, not_a_word_before_hello)
{
	connect_peer(ONE);
	ask(ONE);
	wait_end(ONE);
	cr_assert_not(roam.peers[ONE].up);
	cr_assert_eq(peers[ONE].answers, 0);
}

Test(link, what_is_malformed_is_answered_what_cannot_be_followed_ends)
{
	static const uint8_t unknown[] = {0x01, 0x04, 0, 8, 0, 0, 0, 5,
					  0x77, 0x77, 0, 4, 1, 2, 3, 4};
	static const uint8_t endless[] = {0x01, 0x04, 0xff, 0xff, 0, 0, 0, 6};

	bring_up(ONE);
	memcpy(mnat_stream_reserve(peers[ONE].stream, sizeof(unknown)), unknown, sizeof(unknown));
	mnat_stream_commit(peers[ONE].stream, sizeof(unknown));
	ask(ONE);
	while (peers[ONE].answers < 2)
		uv_run(&loop, UV_RUN_ONCE);
	cr_assert_eq(roam.counters[ROAM_C_REFUSED_MALFORMED], 1);
	cr_assert_eq(roam.counters[ROAM_C_REFUSED_UNKNOWN], 1);
	memcpy(mnat_stream_reserve(peers[ONE].stream, sizeof(endless)), endless, sizeof(endless));
	mnat_stream_commit(peers[ONE].stream, sizeof(endless));
	wait_end(ONE);
	cr_assert_not(roam.peers[ONE].up);
}

Test(link, the_newest_connection_counts)
{
	bring_up(ONE);
	TAKE_PTR(peers[ONE].stream); /* the manager ends it */
	mnat_tls_connector_close(TAKE_PTR(peers[ONE].connector));
	connect_peer(ONE);
	say_hello(ONE, 1);
	ask(ONE);
	while (!peers[ONE].answers)
		uv_run(&loop, UV_RUN_ONCE);
	cr_assert_eq(roam.peers[ONE].session, 2);
	cr_assert(roam.peers[ONE].up);
}

/* It asks and asks and does not read: the other has its answers all the time. */
Test(link, a_peer_that_does_not_read_holds_up_nobody)
{
	unsigned int answered;

	bring_up(ONE);
	bring_up(TWO);
	mnat_stream_pause(peers[ONE].stream, true);
	for (unsigned int asked = 0; asked < 200000; asked += 500) {
		for (int i = 0; i < 500; i++)
			ask(ONE);
		answered = peers[TWO].answers;
		ask(TWO);
		for (int turns = 0; peers[TWO].answers == answered; turns++) {
			cr_assert_lt(turns, 1000, "the other waits");
			uv_run(&loop, UV_RUN_NOWAIT);
			usleep(100);
		}
	}
	cr_assert(roam.peers[TWO].up);
}

Test(link, a_peer_revoked_is_not_let_in_again)
{
	bring_up(ONE);
	bring_up(TWO);
	cr_assert_eq(roam_revoke_peer(&roam, 1), 0);
	links_revoke(links, ONE);
	wait_end(ONE);
	connect_peer(ONE);
	wait_end(ONE);
	cr_assert_not(roam.peers[ONE].up);
	ask(TWO);
	while (!peers[TWO].answers)
		uv_run(&loop, UV_RUN_ONCE);
}
