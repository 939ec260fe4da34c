// SPDX-License-Identifier: GPL-2.0-only
#include "gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mnat/abi.h"
#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"
#include "mnat/stream.h"
#include "mnat/unix.h"

#define RETRY_FIRST_MS 10
#define RETRY_LAST_MS 1000
#define MAX_IN 65536

static void try_connect(uv_timer_t *timer);

/* form: what the request's record holds besides what the message says. */
static int send_request(struct gateway *g, struct simco_message *message,
			const struct gateway_request *form)
{
	_cleanup_free_ struct gateway_request *request = calloc(1, sizeof(*request));
	uint8_t *at = mnat_stream_reserve(g->stream, SIMCO_MAX_MESSAGE);
	int n;

	if (!request || !at)
		return -ENOMEM;
	message->basic = SIMCO_REQUEST;
	message->transaction = g->transaction++;
	n = simco_encode(message, at, SIMCO_MAX_MESSAGE);
	if (n < 0)
		return n;
	mnat_stream_commit(g->stream, (size_t)n);
	*request = *form;
	request->transaction = message->transaction;
	request->subtype = message->subtype;
	request->sent_ns = mnat_clock_now();
	DL_APPEND(g->requests, request);
	TAKE_PTR(request);
	return 0;
}

static const struct gateway_request plain_form;

/* Nothing of the old session will be answered any more. */
static void drop_requests(struct gateway *g)
{
	struct gateway_request *requests = g->requests, *request, *next;

	g->requests = NULL;
	DL_FOREACH_SAFE(requests, request, next) {
		if (request->host)
			g->ops->rebound(g, request->host, request->generation, -1, 0,
					request->batch, g->user);
		else if (request->replied)
			request->replied(g, NULL, request->user);
		free(request);
	}
}

static void retry_later(struct gateway *g)
{
	if (g->connector) {
		mnat_tls_reconnect(g->connector);
		return;
	}
	uv_timer_start(&g->retry, try_connect, g->retry_ms, 0);
	g->retry_ms *= 2;
	if (g->retry_ms > RETRY_LAST_MS)
		g->retry_ms = RETRY_LAST_MS;
}

static void lose(struct gateway *g, const char *why)
{
	bool established = g->established;

	mnat_stream_close(TAKE_PTR(g->stream));
	g->established = false;
	g->synced = false;
	if (!g->complained)
		log_warn("gateway \"%s\" (%s) %s; trying again until it answers", g->name,
			 g->path ? g->path : g->address, why);
	g->complained = true;
	drop_requests(g);
	if (established)
		g->ops->lost(g, g->user);
	retry_later(g);
}

static void establish(struct gateway *g, const struct simco_message *reply)
{
	g->reset = g->epoch && g->epoch != reply->epoch;
	if (g->reset)
		log_info("gateway \"%s\" has lost its state and gets all hosts again", g->name);
	g->epoch = reply->epoch;
	g->hosts = reply->hosts;
	g->established = true;
	g->complained = false;
	g->retry_ms = RETRY_FIRST_MS;
	g->sessions++;
	log_info("gateway \"%s\" connected", g->name);
	g->ops->established(g, g->user);
}

/* 0, or why the session cannot go on. */
static const char *on_session_reply(struct gateway *g, const struct gateway_request *request,
				    const struct simco_message *reply)
{
	const uint32_t needs = SIMCO_HAS(SIMCO_A_X_EPOCH) | SIMCO_HAS(SIMCO_A_X_HOSTS);
	bool positive = reply->basic == SIMCO_POSITIVE;

	if (request->subtype == SIMCO_SE)
		return positive ? NULL : "speaks another version of SIMCO";
	if (request->subtype == SIMCO_X_HELLO) {
		if (!positive || (reply->has & needs) != needs)
			return "is no MobileNAT agent: it does not answer HELLO";
		establish(g, reply);
	} else if (request->subtype == SIMCO_X_HSYNC && positive) {
		g->hosts = reply->hosts;
		g->synced = true;
	} else if (request->subtype == SIMCO_X_HSYNC) {
		g->synced = false;
		log_warn("gateway \"%s\" refuses a synchronisation (%s); hosts it should have "
			 "forgotten may stay",
			 g->name, simco_error_text(reply->subtype));
	}
	return NULL;
}

static void on_notification(struct gateway *g, const struct simco_message *message)
{
	if (message->subtype == SIMCO_X_HEND && message->has & SIMCO_HAS(SIMCO_A_X_IDENTITY) &&
	    g->ops->ended)
		g->ops->ended(g, message->identity, g->user);
}

static const char *on_reply(struct gateway *g, const struct simco_message *reply)
{
	_cleanup_free_ struct gateway_request *request = g->requests;
	const char *why = NULL;

	if (!request || reply->transaction != request->transaction ||
	    (reply->basic != SIMCO_POSITIVE && reply->basic != SIMCO_NEGATIVE)) {
		TAKE_PTR(request);
		return "answers what nobody asked";
	}
	DL_DELETE(g->requests, request);
	if (request->host)
		g->ops->rebound(g, request->host, request->generation,
				reply->basic == SIMCO_NEGATIVE ? reply->subtype : 0,
				reply->bound_at, request->batch, g->user);
	else if (request->replied)
		request->replied(g, reply, request->user);
	else
		why = on_session_reply(g, request, reply);
	return why;
}

static ssize_t on_received(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	struct gateway *g = user;
	size_t taken = 0;

	while (taken < len) {
		struct simco_message reply;
		const char *why;
		size_t skip;
		int n = simco_decode(buf + taken, len - taken, &reply, &skip);

		if (n == 0)
			break;
		why = NULL;
		if (n < 0)
			why = "sends what cannot be understood";
		else if (reply.basic == SIMCO_NOTIFICATION)
			on_notification(g, &reply);
		else
			why = on_reply(g, &reply);
		if (why) {
			lose(g, why);
			return 0;
		}
		taken += (size_t)n;
	}
	return (ssize_t)taken;
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
	lose(user, "has closed the session");
}

static const struct mnat_stream_ops stream_ops = {
	.received = on_received,
	.ended = on_ended,
};

/* The stream is there: open the session. */
static void begin(struct gateway *g)
{
	struct simco_message se = {.subtype = SIMCO_SE,
				   .has = SIMCO_HAS(SIMCO_A_VERSION),
				   .version_major = SIMCO_VERSION_MAJOR,
				   .version_minor = SIMCO_VERSION_MINOR};
	struct simco_message hello = {.subtype = SIMCO_X_HELLO,
				      .has = SIMCO_HAS(SIMCO_A_X_EPOCH),
				      .epoch = (uint64_t)getpid()};

	if (send_request(g, &se, &plain_form) || send_request(g, &hello, &plain_form))
		lose(g, "cannot be asked: out of memory");
}

int gateway_attach(struct gateway *g, int fd)
{
	int r = mnat_stream_new(g->loop, fd, MAX_IN, &stream_ops, g, &g->stream);

	if (r)
		return r;
	uv_timer_stop(&g->retry);
	begin(g);
	return 0;
}

static void on_tls_ready(struct mnat_stream *stream, const char *peer, void *user)
{
	struct gateway *g = user;

	mnat_stream_hand_over(stream, MAX_IN, &stream_ops, g);
	g->stream = stream;
	begin(g);
}

static void try_connect(uv_timer_t *timer)
{
	struct gateway *g = timer->data;
	_cleanup_close_ int fd = mnat_unix_connect(g->path);
	int r = fd < 0 ? fd : gateway_attach(g, fd);

	if (r == 0) {
		TAKE_FD(fd);
		return;
	}
	if (!g->complained)
		log_warn("gateway \"%s\" is not there (%s: %s); is mnat-midcomd running? Trying "
			 "again until it is",
			 g->name, g->path, strerror(-r));
	g->complained = true;
	retry_later(g);
}

int gateway_start(struct gateway *g, uv_loop_t *loop, const struct gateway_ops *ops, void *user)
{
	g->loop = loop;
	g->ops = ops;
	g->user = user;
	g->retry_ms = RETRY_FIRST_MS;
	uv_timer_init(loop, &g->retry);
	g->retry.data = g;
	if (!g->path)
		return mnat_tls_connect(loop, g->tls, g->address, g->certificate, on_tls_ready, g,
					&g->connector);
	uv_timer_start(&g->retry, try_connect, 0, 0);
	return 0;
}

void gateway_close(struct gateway *g)
{
	mnat_stream_close(TAKE_PTR(g->stream));
	g->established = false;
	drop_requests(g);
	mnat_tls_connector_close(TAKE_PTR(g->connector));
	uv_close((uv_handle_t *)&g->retry, NULL);
}

int gateway_rebind(struct gateway *g, struct host *host, struct batch *batch)
{
	struct simco_message message = {
		.subtype = SIMCO_X_HREB,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_GENERATION) |
		       SIMCO_HAS(SIMCO_A_X_NEW_ACTUAL) | SIMCO_HAS(SIMCO_A_X_OLD_ACTUAL) |
		       SIMCO_HAS(SIMCO_A_X_FLAGS),
		.identity = host->key.identity,
		.generation = host_rule(host),
		.new_actual = host->actual,
		.old_actual = host->old,
		.flags = host->key.plain ? SIMCO_HREB_PLAIN : 0,
	};
	const struct gateway_request form = {
		.generation = host_rule(host), .host = host, .batch = batch};

	if (host->importing)
		message.flags |= SIMCO_HREB_IMPORTING;
	if (host->away && host->one_way)
		message.flags |= SIMCO_HREB_ONE_WAY;
	if (host->away) {
		message.has |= SIMCO_HAS(SIMCO_A_X_PATH) | SIMCO_HAS(SIMCO_A_X_ENDPOINT);
		message.path = MNAT_PATH_TUNNEL;
		message.endpoint = host->endpoint;
		message.new_actual.s_addr = 0;
	} else if (host->tunnel && host->actual.s_addr) {
		message.has |= SIMCO_HAS(SIMCO_A_X_PATH);
		message.path = MNAT_PATH_TUNNEL;
	}
	if (host->shows.s_addr && host->actual.s_addr) {
		message.has |= SIMCO_HAS(SIMCO_A_X_VIRTUAL);
		message.virt = host->shows;
	}
	return g->established ? send_request(g, &message, &form) : -ENOTCONN;
}

int gateway_ask(struct gateway *g, struct simco_message *request, gateway_reply_fn replied,
		void *user)
{
	const struct gateway_request form = {.replied = replied, .user = user};

	return g->established ? send_request(g, request, &form) : -ENOTCONN;
}

int gateway_sync(struct gateway *g, uint32_t flags)
{
	struct simco_message message = {
		.subtype = SIMCO_X_HSYNC,
		.has = SIMCO_HAS(SIMCO_A_X_FLAGS),
		.flags = flags,
	};

	return g->established ? send_request(g, &message, &plain_form) : -ENOTCONN;
}

bool gateway_is_prompt(const struct gateway *g, uint64_t now_ns)
{
	return g->established &&
	       (!g->requests || now_ns - g->requests->sent_ns < PROMPT_MS * MNAT_NS_PER_MS);
}

void gateway_watch(struct gateway *g, uint64_t now_ns)
{
	if (g->stream && g->requests &&
	    now_ns - g->requests->sent_ns > GIVE_UP_MS * MNAT_NS_PER_MS)
		lose(g, "does not answer");
}
