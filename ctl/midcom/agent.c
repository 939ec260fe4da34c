// SPDX-License-Identifier: GPL-2.0-only
#include "agent.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "mnat/simco.h"
#include "mnat/stream.h"
#include "mnat/unix.h"

#define MAX_SESSIONS 16
#define MAX_IN 65536

struct agent_session {
	struct agent *agent;
	struct mnat_stream *stream;
	bool established;
	bool terminated; /* ST was answered */
	struct agent_session *prev, *next;
};

/* A request's handler: 0 with the reply's attributes filled in, or an enum simco_error. */
typedef int (*request_fn)(struct agent_session *session, const struct simco_message *request,
			  struct simco_message *reply);

/* RFC 4540 section 4.3.1: the reply names our version, whatever theirs. */
static int establish(struct agent_session *session, const struct simco_message *request,
		     struct simco_message *reply)
{
	reply->version_major = SIMCO_VERSION_MAJOR;
	reply->version_minor = SIMCO_VERSION_MINOR;
	reply->has = SIMCO_HAS(SIMCO_A_VERSION);
	if (session->established)
		return SIMCO_E_NOT_APPLICABLE;
	if (request->version_major != SIMCO_VERSION_MAJOR)
		return SIMCO_E_VERSION;
	session->established = true;
	return 0;
}

static int terminate(struct agent_session *session, const struct simco_message *request,
		     struct simco_message *reply)
{
	session->terminated = true;
	return 0;
}

static int hello(struct agent_session *session, const struct simco_message *request,
		 struct simco_message *reply)
{
	reply->epoch = session->agent->hosts->epoch;
	reply->hosts = session->agent->hosts->n_bound;
	reply->has = SIMCO_HAS(SIMCO_A_X_EPOCH) | SIMCO_HAS(SIMCO_A_X_HOSTS);
	return 0;
}

static int error_of(int r)
{
	switch (r) {
	case 0:
		return 0;
	case -ESTALE:
		return SIMCO_E_X_STALE;
	case -ERANGE:
		return SIMCO_E_X_ADDRESS;
	case -EINVAL:
		return SIMCO_E_MALFORMED;
	case -EBUSY:
		return SIMCO_E_NOT_APPLICABLE;
	default:
		return SIMCO_E_RESOURCES;
	}
}

static int rebind(struct agent_session *session, const struct simco_message *request,
		  struct simco_message *reply)
{
	struct agent *agent = session->agent;
	const struct rebind order = {
		.identity = request->identity.s_addr,
		.actual = request->new_actual.s_addr,
		.generation = request->generation,
		.plain = request->flags & SIMCO_HREB_PLAIN,
	};
	int r = hosts_rebind(agent->hosts, &order, agent->now(), &reply->bound_at);

	if (r) {
		agent->refused++;
		return error_of(r);
	}
	agent->rebinds++;
	reply->has = SIMCO_HAS(SIMCO_A_X_BOUND_AT);
	return 0;
}

static int sync_hosts(struct agent_session *session, const struct simco_message *request,
		      struct simco_message *reply)
{
	struct agent *agent = session->agent;
	int r;

	if (request->flags == SIMCO_HSYNC_BEGIN) {
		r = hosts_sync_begin(agent->hosts);
		if (r)
			return error_of(r);
		agent->syncing = session;
	} else if (request->flags == SIMCO_HSYNC_END) {
		if (agent->syncing != session)
			return SIMCO_E_NOT_APPLICABLE;
		hosts_sync_end(agent->hosts, agent->now());
		agent->syncing = NULL;
	} else {
		return SIMCO_E_MALFORMED;
	}
	reply->hosts = agent->hosts->n_bound;
	reply->has = SIMCO_HAS(SIMCO_A_X_HOSTS);
	return 0;
}

#define HREB_NEEDS                                                                             \
	(SIMCO_HAS(SIMCO_A_X_IDENTITY) | SIMCO_HAS(SIMCO_A_X_GENERATION) |                     \
	 SIMCO_HAS(SIMCO_A_X_NEW_ACTUAL))

static const struct request {
	uint8_t subtype;
	uint32_t needs; /* attributes */
	request_fn handle;
} requests[] = {
	{SIMCO_SE, SIMCO_HAS(SIMCO_A_VERSION), establish},
	{SIMCO_ST, 0, terminate},
	{SIMCO_X_HELLO, SIMCO_HAS(SIMCO_A_X_EPOCH), hello},
	{SIMCO_X_HREB, HREB_NEEDS, rebind},
	{SIMCO_X_HSYNC, SIMCO_HAS(SIMCO_A_X_FLAGS), sync_hosts},
};

static const struct request *find_request(uint8_t subtype)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (requests[i].subtype == subtype)
			return &requests[i];
	return NULL;
}

static int handle(struct agent_session *session, const struct simco_message *message, bool damaged,
		  struct simco_message *reply)
{
	const struct request *request;

	if (message->basic != SIMCO_REQUEST)
		return SIMCO_E_BASIC_TYPE;
	request = find_request(message->subtype);
	if (!request)
		return SIMCO_E_SUBTYPE;
	if (damaged || (message->has & request->needs) != request->needs)
		return SIMCO_E_MALFORMED;
	if (!session->established && message->subtype != SIMCO_SE)
		return SIMCO_E_NOT_APPLICABLE;
	return request->handle(session, message, reply);
}

static void answer(struct agent_session *session, const struct simco_message *message,
		   bool damaged)
{
	struct simco_message reply = {.transaction = message->transaction};
	int error = handle(session, message, damaged, &reply);
	uint8_t *at = mnat_stream_reserve(session->stream, SIMCO_MAX_MESSAGE);
	int n;

	reply.basic = error ? SIMCO_NEGATIVE : SIMCO_POSITIVE;
	reply.subtype = error ? (uint8_t)error : message->subtype;
	if (error)
		log_debug("request 0x%02x refused: %s", message->subtype,
			  simco_error_text((uint8_t)error));
	n = at ? simco_encode(&reply, at, SIMCO_MAX_MESSAGE) : 0;
	if (n > 0)
		mnat_stream_commit(session->stream, (size_t)n);
}

static void drop(struct agent_session *session)
{
	struct agent *agent = session->agent;

	if (agent->syncing == session) {
		hosts_sync_cancel(agent->hosts);
		agent->syncing = NULL;
	}
	mnat_stream_close(session->stream);
	DL_DELETE(agent->sessions, session);
	agent->n_sessions--;
	if (session->established)
		log_info("a mobility manager has left");
	free(session);
}

/* A reply must not wait in memory for a manager that does not read. */
#define MAX_BACKLOG (1 << 20)

static ssize_t on_received(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	struct agent_session *session = user;
	bool was_established = session->established;
	size_t taken = 0;

	while (taken < len && !session->terminated) {
		struct simco_message message;
		size_t skip = 0;
		int n = simco_decode(buf + taken, len - taken, &message, &skip);

		if (n == 0)
			break;
		if (n < 0 && n != -EINVAL)
			return n;
		answer(session, &message, n < 0);
		taken += n < 0 ? skip : (size_t)n;
	}
	if (session->established && !was_established)
		log_info("a mobility manager has opened a session");
	if (session->terminated)
		return -ESHUTDOWN;
	if (mnat_stream_backlog(stream) > MAX_BACKLOG)
		mnat_stream_pause(stream, true);
	return (ssize_t)taken;
}

static void on_drained(struct mnat_stream *stream, void *user)
{
	mnat_stream_pause(stream, false);
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
	if (error == -EBADMSG)
		log_warn("a mobility manager sent a message of impossible length; session ended");
	drop(user);
}

static const struct mnat_stream_ops stream_ops = {
	.received = on_received,
	.drained = on_drained,
	.ended = on_ended,
};

void agent_accept(int fd, void *user)
{
	struct agent *agent = user;
	_cleanup_close_ int owned = fd;
	struct agent_session *session;

	if (agent->n_sessions >= MAX_SESSIONS) {
		log_warn("more than %d managers want a session; one refused", MAX_SESSIONS);
		return;
	}
	session = calloc(1, sizeof(*session));
	if (!session)
		return;
	session->agent = agent;
	if (mnat_stream_new(agent->loop, owned, MAX_IN, &stream_ops, session, &session->stream)) {
		free(session);
		return;
	}
	TAKE_FD(owned);
	DL_APPEND(agent->sessions, session);
	agent->n_sessions++;
}

int agent_listen(struct agent *agent, const char *run_dir)
{
	return mnat_unix_listen(agent->loop, run_dir, "midcom.sock", 0600, "mnat-midcomd",
				agent_accept, agent, &agent->listener);
}

void agent_close(struct agent *agent)
{
	struct agent_session *session, *next;

	mnat_unix_close(agent->listener);
	agent->listener = NULL;
	DL_FOREACH_SAFE(agent->sessions, session, next)
		drop(session);
}
