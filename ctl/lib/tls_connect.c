// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"
#include "tls_session.h"

#define RETRY_FIRST_MS 10
#define RETRY_LAST_MS  1000
#define PROVEN_NS      (2 * MNAT_NS_PER_SEC) /* a session that lasted so long was accepted */
#define WHY_LEN	       256

struct mnat_tls_connector {
	uv_loop_t *loop;
	uv_timer_t retry;
	uv_getaddrinfo_t lookup;
	bool looking_up;
	bool closed;
	int users; /* timer and lookup */
	struct mnat_tls *tls;
	char *host;
	char *port;
	char *name;
	char *target;
	mnat_tls_ready_fn ready;
	void *user;
	struct tls_session *session; /* not yet verified */
	unsigned int retry_ms;
	uint64_t ready_ns;
	char why[WHY_LEN]; /* of the last failure, so that it is said once */
};

/* ---- Addresses as users write them ---- */

static bool split(const char *text, char **ret_host, char **ret_port)
{
	const char *colon = strrchr(text, ':');
	struct mnat_range port;

	if (!colon || colon == text || mnat_parse_ports(colon + 1, &port) ||
	    port.first != port.last)
		return false;
	*ret_host = strndup(text, (size_t)(colon - text));
	*ret_port = strdup(colon + 1);
	return *ret_host && *ret_port;
}

bool mnat_tls_is_target(const char *text)
{
	_cleanup_free_ char *host = NULL, *port = NULL;

	return split(text, &host, &port) && !strpbrk(host, " /:");
}

int mnat_tls_parse_address(const char *text, struct sockaddr_in *ret_address)
{
	_cleanup_free_ char *host = NULL;
	struct sockaddr_in addr = {.sin_family = AF_INET};
	const char *colon = strrchr(text, ':');
	char *end;
	unsigned long port;

	if (colon)
		host = strndup(text, (size_t)(colon - text));
	port = colon ? strtoul(colon + 1, &end, 10) : 0;
	if (!host || mnat_parse_ip(host, &addr.sin_addr) || !colon[1] || *end || port > 65535) {
		log_err("\"%s\": expected an address and a port as in \"10.0.0.1:7627\"", text);
		return -EINVAL;
	}
	addr.sin_port = htons((uint16_t)port);
	*ret_address = addr;
	return 0;
}

/* ---- Attempts ---- */

static void put(struct mnat_tls_connector *c)
{
	if (--c->users)
		return;
	free(c->host);
	free(c->port);
	free(c->name);
	free(c->target);
	free(c);
}

static void look_up(uv_timer_t *timer);

static void retry_later(struct mnat_tls_connector *c)
{
	uv_timer_start(&c->retry, look_up, c->retry_ms, 0);
	c->retry_ms *= 2;
	if (c->retry_ms > RETRY_LAST_MS)
		c->retry_ms = RETRY_LAST_MS;
}

static void fail(struct mnat_tls_connector *c, const char *why)
{
	if (strcmp(c->why, why))
		log_warn("%s (%s) %s; trying again until it works", c->name, c->target, why);
	snprintf(c->why, sizeof(c->why), "%s", why);
	retry_later(c);
}

static void on_failed(struct tls_session *session, const char *why, void *user)
{
	struct mnat_tls_connector *c = user;

	c->session = NULL;
	fail(c, why);
}

static void on_ready(struct mnat_stream *stream, const char *peer, void *user)
{
	struct mnat_tls_connector *c = user;

	c->session = NULL;
	c->ready_ns = mnat_clock_now();
	c->ready(stream, c->name, c->user);
}

static const struct tls_session_ops session_ops = {on_ready, on_failed};

static int begin(struct mnat_tls_connector *c, const struct sockaddr *addr, socklen_t len)
{
	_cleanup_close_ int fd = tls_socket();
	const char *names[] = {c->name};
	const struct tls_session_args args = {
		.remote = c->target,
		.names = names,
		.n_names = 1,
		.ops = &session_ops,
		.user = c,
	};
	int r;

	if (fd < 0)
		return fd;
	if (connect(fd, addr, len) && errno != EINPROGRESS)
		return -errno;
	r = tls_session_begin(c->loop, c->tls, fd, &args, &c->session);
	if (!r)
		TAKE_FD(fd);
	return r;
}

static void on_address(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct mnat_tls_connector *c = lookup->data;
	char why[WHY_LEN];
	int r = status;

	c->looking_up = false;
	if (!r && !c->closed)
		r = begin(c, found->ai_addr, found->ai_addrlen);
	uv_freeaddrinfo(found);
	if (r && !c->closed) {
		snprintf(why, sizeof(why), "cannot be reached: %s", uv_strerror(r));
		fail(c, why);
	}
	put(c);
}

static void look_up(uv_timer_t *timer)
{
	static const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct mnat_tls_connector *c = timer->data;

	c->lookup.data = c;
	if (uv_getaddrinfo(c->loop, &c->lookup, on_address, c->host, c->port, &hints)) {
		retry_later(c);
		return;
	}
	c->looking_up = true;
	c->users++;
}

/* ---- Life ---- */

static void on_closed(uv_handle_t *handle)
{
	put(handle->data);
}

int mnat_tls_connect(uv_loop_t *loop, struct mnat_tls *tls, const char *target, const char *name,
		     mnat_tls_ready_fn ready, void *user, struct mnat_tls_connector **ret_connector)
{
	struct mnat_tls_connector *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->users = 1;
	if (!split(target, &c->host, &c->port)) {
		log_err("\"%s\": expected a host and a port as in \"mm.example.org:7627\"", target);
		put(c);
		return -EINVAL;
	}
	c->name = strdup(name);
	c->target = strdup(target);
	if (!c->name || !c->target) {
		put(c);
		return -ENOMEM;
	}
	c->loop = loop;
	c->tls = tls;
	c->ready = ready;
	c->user = user;
	c->retry_ms = RETRY_FIRST_MS;
	uv_timer_init(loop, &c->retry);
	c->retry.data = c;
	uv_timer_start(&c->retry, look_up, 0, 0);
	*ret_connector = c;
	return 0;
}

void mnat_tls_reconnect(struct mnat_tls_connector *c)
{
	if (mnat_clock_now() - c->ready_ns > PROVEN_NS) {
		c->retry_ms = RETRY_FIRST_MS;
		c->why[0] = 0;
	}
	retry_later(c);
}

void mnat_tls_connector_close(struct mnat_tls_connector *c)
{
	if (!c || c->closed)
		return;
	c->closed = true;
	tls_session_cancel(c->session);
	if (c->looking_up)
		uv_cancel((uv_req_t *)&c->lookup);
	uv_close((uv_handle_t *)&c->retry, on_closed);
}
