// SPDX-License-Identifier: GPL-2.0-only
#include "gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"
#include "mnat/stream.h"
#include "mnat/unix.h"

#define RETRY_FIRST_MS 10
#define RETRY_LAST_MS 1000
#define MAX_IN 65536

static void try_connect(uv_timer_t *timer);

static int send_request(struct gateway *g, struct simco_message *message, struct host *host,
			struct batch *batch)
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
	request->transaction = message->transaction;
	request->subtype = message->subtype;
	request->generation = message->generation;
	request->sent_ns = mnat_clock_now();
	request->host = host;
	request->batch = batch;
	DL_APPEND(g->requests, request);
	TAKE_PTR(request);
	return 0;
}

/* Nothing of the old session will be answered any more. */
static void drop_requests(struct gateway *g)
{
	struct gateway_request *requests = g->requests, *request, *next;

	g->requests = NULL;
	DL_FOREACH_SAFE(requests, request, next) {
		if (request->host)
			g->ops->rebound(g, request->host, request->generation, -1, 0,
					request->batch, g->user);
		free(request);
	}
}

static void retry_later(struct gateway *g)
{
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
		log_warn("gateway \"%s\" (%s) %s; trying again until it answers", g->name, g->path,
			 why);
	g->complained = true;
	drop_requests(g);
	if (established)
		g->ops->lost(g, g->user);
	retry_later(g);
}

static void establish(struct gateway *g, const struct simco_message *reply)
{
	if (g->epoch && g->epoch != reply->epoch)
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
		why = n < 0 ? "sends what cannot be understood" : on_reply(g, &reply);
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

int gateway_attach(struct gateway *g, int fd)
{
	struct simco_message se = {.subtype = SIMCO_SE,
				   .has = SIMCO_HAS(SIMCO_A_VERSION),
				   .version_major = SIMCO_VERSION_MAJOR,
				   .version_minor = SIMCO_VERSION_MINOR};
	struct simco_message hello = {.subtype = SIMCO_X_HELLO,
				      .has = SIMCO_HAS(SIMCO_A_X_EPOCH),
				      .epoch = (uint64_t)getpid()};
	int r = mnat_stream_new(g->loop, fd, MAX_IN, &stream_ops, g, &g->stream);

	if (r)
		return r;
	uv_timer_stop(&g->retry);
	if (send_request(g, &se, NULL, NULL) || send_request(g, &hello, NULL, NULL))
		lose(g, "cannot be asked: out of memory");
	return 0;
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

void gateway_start(struct gateway *g, uv_loop_t *loop, const struct gateway_ops *ops, void *user)
{
	g->loop = loop;
	g->ops = ops;
	g->user = user;
	g->retry_ms = RETRY_FIRST_MS;
	uv_timer_init(loop, &g->retry);
	g->retry.data = g;
	if (g->path)
		uv_timer_start(&g->retry, try_connect, 0, 0);
}

void gateway_close(struct gateway *g)
{
	mnat_stream_close(TAKE_PTR(g->stream));
	g->established = false;
	drop_requests(g);
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
		.generation = host->generation,
		.new_actual = host->actual,
		.old_actual = host->old,
		.flags = host->key.plain ? SIMCO_HREB_PLAIN : 0,
	};

	return g->established ? send_request(g, &message, host, batch) : -ENOTCONN;
}

int gateway_sync(struct gateway *g, uint32_t flags)
{
	struct simco_message message = {
		.subtype = SIMCO_X_HSYNC,
		.has = SIMCO_HAS(SIMCO_A_X_FLAGS),
		.flags = flags,
	};

	return g->established ? send_request(g, &message, NULL, NULL) : -ENOTCONN;
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
