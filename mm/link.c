// SPDX-License-Identifier: GPL-2.0-only
#include "link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"

#define MAX_IN	    (4 * SIMCO_MAX_MESSAGE)
#define MAX_BACKLOG (4u << 20) /* of a peer that asks and does not read */
#define ALIVE_MS    5000
#define DEAD_MS	    16000
#define FIRST_MS    5000 /* for the first HELLO */

struct link {
	struct links *links;
	struct link_conf conf;
	struct roam_peer *peer;
	struct mnat_stream *stream;	      /* NULL: not connected */
	struct mnat_tls_connector *connector; /* NULL: it connects to us */
	bool up;			      /* its HELLO has come */
	uint64_t heard_ns;
};

struct links {
	uv_loop_t *loop;
	struct roam *roam;
	struct mnat_tls_listener *listener;
	uv_timer_t alive;
	uv_udp_t udp;
	int handles;
	uint64_t epoch;
	const char **names;
	uint8_t datagram[SIMCO_MAX_MESSAGE];
	unsigned int n;
	struct link links[];
};

static unsigned int index_of(const struct link *link)
{
	return (unsigned int)(link - link->links->links);
}

static void lose(struct link *link, const char *why)
{
	if (!link->stream)
		return;
	mnat_stream_close(TAKE_PTR(link->stream));
	if (link->up) {
		link->up = false;
		log_warn("domain %u: %s", link->peer->domain, why);
		roam_peer_down(link->links->roam, index_of(link));
	}
	if (link->connector)
		mnat_tls_reconnect(link->connector);
}

/* ---- Out ---- */

int links_send(struct links *links, unsigned int index, const struct peering_message *message)
{
	struct link *link = &links->links[index];
	uint8_t *at;
	int n;

	if (!link->stream || mnat_stream_backlog(link->stream) > MAX_BACKLOG)
		return -ENOTCONN;
	at = mnat_stream_reserve(link->stream, SIMCO_MAX_MESSAGE);
	n = at ? peering_encode(message, at, SIMCO_MAX_MESSAGE) : -ENOMEM;
	if (n < 0)
		return n;
	mnat_stream_commit(link->stream, (size_t)n);
	return 0;
}

/* Transaction 0, which no other request has. */
static void send_hello(struct link *link)
{
	struct peering_message hello = {
		.basic = SIMCO_REQUEST,
		.subtype = PEERING_HELLO,
		.has = PEERING_HAS_DOMAIN | PEERING_HAS_EPOCH,
		.domain = link->links->roam->domain,
		.epoch = link->links->epoch,
	};

	links_send(link->links, index_of(link), &hello);
}

/* ---- In ---- */

/* NULL, or why the session cannot go on. */
static const char *on_hello(struct link *link, const struct peering_message *m)
{
	struct peering_message reply = {
		.basic = SIMCO_POSITIVE,
		.subtype = PEERING_HELLO,
		.transaction = m->transaction,
	};

	if (!(m->has & PEERING_HAS_DOMAIN) || m->domain != link->peer->domain)
		return "its manager says it is of another domain; check both configurations";
	links_send(link->links, index_of(link), &reply);
	if (link->up)
		return NULL;
	link->up = true;
	log_info("domain %u: connected", link->peer->domain);
	roam_peer_up(link->links->roam, index_of(link));
	return NULL;
}

static const char *on_message(struct link *link, const struct peering_message *m)
{
	if (m->subtype == PEERING_HELLO && m->basic == SIMCO_REQUEST)
		return on_hello(link, m);
	if (m->subtype == PEERING_HELLO && m->basic == SIMCO_POSITIVE)
		return NULL;
	if (!link->up)
		return "its manager does not begin with HELLO";
	roam_message(link->links->roam, index_of(link), m);
	return NULL;
}

/* Well framed but not understood: a request is answered so. */
static void on_malformed(struct link *link, const struct peering_message *m)
{
	struct peering_message reply = {
		.basic = SIMCO_NEGATIVE,
		.subtype = PEERING_E_MALFORMED,
		.transaction = m->transaction,
	};

	link->links->roam->counters[ROAM_C_REFUSED_MALFORMED]++;
	link->peer->refused++;
	if (m->basic == SIMCO_REQUEST)
		links_send(link->links, index_of(link), &reply);
}

static ssize_t on_received(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	struct link *link = user;
	size_t taken = 0;

	link->heard_ns = mnat_clock_now();
	while (taken < len) {
		struct peering_message m;
		const char *why = NULL;
		size_t skip;
		int n = peering_decode(buf + taken, len - taken, &m, &skip);

		if (n == 0)
			break;
		if (n == -EBADMSG)
			why = "its manager sends what cannot be understood";
		else if (n < 0)
			on_malformed(link, &m);
		else
			why = on_message(link, &m);
		if (why)
			lose(link, why);
		if (link->stream != stream)
			return 0;
		taken += n > 0 ? (size_t)n : skip;
	}
	return (ssize_t)taken;
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
	struct link *link = user;

	if (link->stream == stream)
		lose(link, "its manager is gone; sessions go on, and it will be told when it is "
			   "back");
}

static const struct mnat_stream_ops stream_ops = {
	.received = on_received,
	.ended = on_ended,
};

/* ---- Connections ---- */

static void attach(struct link *link, struct mnat_stream *stream)
{
	mnat_stream_hand_over(stream, MAX_IN, &stream_ops, link);
	link->stream = stream;
	link->heard_ns = mnat_clock_now();
	send_hello(link);
}

static void on_connected(struct mnat_stream *stream, const char *name, void *user)
{
	attach(user, stream);
}

/* The newest connection counts: the older one is dead, or its owner has started anew. */
static void on_accepted(struct mnat_stream *stream, const char *name, void *user)
{
	struct links *links = user;

	for (unsigned int i = 0; i < links->n; i++) {
		struct link *link = &links->links[i];

		if (strcmp(link->conf.name, name) || link->connector || link->peer->revoked)
			continue;
		lose(link, "its manager has connected anew");
		attach(link, stream);
		return;
	}
	log_warn("manager \"%s\" connects, but it is ours to connect to it (the lower domain "
		 "number does; check its configuration), or it is revoked",
		 name);
	mnat_stream_close(stream);
}

void links_revoke(struct links *links, unsigned int index)
{
	struct link *link = &links->links[index];

	if (index >= links->n)
		return;
	mnat_tls_connector_close(TAKE_PTR(link->connector));
	link->up = false;
	lose(link, "revoked");
}

static void on_alive(uv_timer_t *timer)
{
	struct links *links = timer->data;
	uint64_t now = mnat_clock_now();

	for (unsigned int i = 0; i < links->n; i++) {
		struct link *link = &links->links[i];
		uint64_t patience = link->up ? DEAD_MS : FIRST_MS;

		if (!link->stream)
			continue;
		if (now - link->heard_ns > patience * MNAT_NS_PER_MS)
			lose(link, "its manager does not answer");
		else
			send_hello(link);
	}
}

/* ---- Nodes in public space ---- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct links *links = handle->data;

	*buf = uv_buf_init((char *)links->datagram, sizeof(links->datagram));
}

static void on_datagram(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
			unsigned int flags)
{
	struct links *links = udp->data;
	const struct sockaddr_in *source = (const struct sockaddr_in *)from;
	uint8_t reply[SIMCO_MAX_MESSAGE];
	uv_buf_t out;

	if (n <= 0 || !from || from->sa_family != AF_INET || flags & UV_UDP_PARTIAL)
		return;
	out = uv_buf_init((char *)reply,
			  (unsigned int)roam_datagram(links->roam, links->datagram, (size_t)n,
						      source->sin_addr, reply));
	if (out.len)
		uv_udp_try_send(udp, &out, 1, from);
}

/* ---- Life ---- */

static int listen_on(struct links *links, struct mnat_tls *tls, const char *address)
{
	struct sockaddr_in addr;
	int r = mnat_tls_parse_address(address, &addr);

	if (r)
		return r;
	r = uv_udp_bind(&links->udp, (const struct sockaddr *)&addr, 0);
	if (!r)
		r = uv_udp_recv_start(&links->udp, on_alloc, on_datagram);
	if (r) {
		log_err("listen = \"%s\": UDP: %s", address, uv_strerror(r));
		return r;
	}
	return tls ? mnat_tls_listen(links->loop, tls, address, links->names, links->n, on_accepted,
				     links, &links->listener)
		   : 0;
}

static int connect_to(struct link *link, struct mnat_tls *tls)
{
	return mnat_tls_connect(link->links->loop, tls, link->conf.manager, link->conf.name,
				on_connected, link, &link->connector);
}

int links_open(uv_loop_t *loop, struct roam *roam, const struct link_conf *peers,
	       struct mnat_tls *tls, const char *listen, struct links **ret_links)
{
	unsigned int n = tls ? roam->n_peers : 0;
	struct links *links = calloc(1, sizeof(*links) + n * sizeof(links->links[0]));
	int r;

	if (!links)
		return -ENOMEM;
	links->loop = loop;
	links->roam = roam;
	links->epoch = mnat_clock_now();
	links->n = n;
	links->handles = 2;
	uv_timer_init(loop, &links->alive);
	uv_udp_init(loop, &links->udp);
	links->alive.data = links->udp.data = links;
	uv_timer_start(&links->alive, on_alive, ALIVE_MS, ALIVE_MS);
	links->names = calloc(n + 1, sizeof(*links->names));
	r = links->names ? 0 : -ENOMEM;
	for (unsigned int i = 0; i < n && !r; i++) {
		struct link *link = &links->links[i];

		*link = (struct link){.links = links, .conf = peers[i], .peer = &roam->peers[i]};
		links->names[i] = peers[i].name;
		if (roam->domain < link->peer->domain)
			r = connect_to(link, tls);
	}
	if (!r)
		r = listen_on(links, tls, listen);
	if (r)
		links_close(links);
	else
		*ret_links = links;
	return r;
}

static void on_closed(uv_handle_t *handle)
{
	struct links *links = handle->data;

	if (--links->handles)
		return;
	free(links->names);
	free(links);
}

void links_close(struct links *links)
{
	if (!links)
		return;
	for (unsigned int i = 0; i < links->n; i++) {
		mnat_tls_connector_close(links->links[i].connector);
		mnat_stream_close(links->links[i].stream);
	}
	mnat_tls_listener_close(links->listener);
	uv_close((uv_handle_t *)&links->alive, on_closed);
	uv_close((uv_handle_t *)&links->udp, on_closed);
}
