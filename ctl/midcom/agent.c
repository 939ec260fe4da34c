// SPDX-License-Identifier: GPL-2.0-only
#include "agent_session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "mnat/stream.h"
#include "mnat/unix.h"
#include "rules.h"

#define MAX_SESSIONS 16
#define MAX_IN 65536

static void send_message(struct agent_session *session, const struct simco_message *message)
{
	uint8_t *at = mnat_stream_reserve(session->stream, SIMCO_MAX_MESSAGE);
	int n = at ? simco_encode(message, at, SIMCO_MAX_MESSAGE) : 0;

	if (n > 0)
		mnat_stream_commit(session->stream, (size_t)n);
}

static void answer(struct agent_session *session, const struct simco_message *message,
		   bool damaged)
{
	struct simco_message reply = {.transaction = message->transaction};
	int error = request_handle(session, message, damaged, &reply);

	reply.basic = error ? SIMCO_NEGATIVE : SIMCO_POSITIVE;
	reply.subtype = error ? (uint8_t)error : message->subtype;
	if (error)
		log_debug("request 0x%02x refused: %s", message->subtype,
			  simco_error_text((uint8_t)error));
	send_message(session, &reply);
}

bool agent_tell_end(__be32 virt, void *user)
{
	struct agent *agent = user;
	const struct simco_message end = {
		.basic = SIMCO_NOTIFICATION,
		.subtype = SIMCO_X_HEND,
		.has = SIMCO_HAS(SIMCO_A_X_IDENTITY),
		.identity.s_addr = virt,
	};
	struct agent_session *session;
	bool told = false;

	DL_FOREACH(agent->sessions, session) {
		if (!session->established)
			continue;
		send_message(session, &end);
		told = true;
	}
	return told;
}

void agent_tell_rule_ended(const struct rule *rule, void *user)
{
	struct agent *agent = user;
	struct simco_message ended = {
		.basic = SIMCO_NOTIFICATION,
		.subtype = SIMCO_ARE,
		.has = SIMCO_HAS(SIMCO_A_RULE) | SIMCO_HAS(SIMCO_A_LIFETIME),
		.n_rules = 1,
	};
	struct agent_session *session;

	ended.rules[0] = htonl(rule->id);
	DL_FOREACH(agent->sessions, session)
		if (session->established && !strcmp(session->owner, rule->owner))
			send_message(session, &ended);
}

/* A notification without attributes: BFM or AST. */
static void notify(struct agent_session *session, uint8_t subtype)
{
	const struct simco_message message = {.basic = SIMCO_NOTIFICATION, .subtype = subtype};

	send_message(session, &message);
}

static void drop(struct agent_session *session)
{
	struct agent *agent = session->agent;

	if (agent->syncing == session) {
		hosts_sync_cancel(agent->hosts);
		anchors_sync_cancel(agent->anchors);
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
		if (n < 0 && n != -EINVAL) {
			notify(session, SIMCO_BFM);
			return n;
		}
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

static struct agent_session *new_session(struct agent *agent, const char *owner)
{
	struct agent_session *session;

	if (agent->n_sessions >= MAX_SESSIONS) {
		log_warn("more than %d managers want a session; one refused", MAX_SESSIONS);
		return NULL;
	}
	session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->agent = agent;
	snprintf(session->owner, sizeof(session->owner), "%s", owner);
	return session;
}

static void begin(struct agent_session *session, struct mnat_stream *stream)
{
	session->stream = stream;
	DL_APPEND(session->agent->sessions, session);
	session->agent->n_sessions++;
}

void agent_accept(int fd, void *user)
{
	struct agent *agent = user;
	_cleanup_close_ int owned = fd;
	_cleanup_free_ struct agent_session *session = new_session(agent, "local");
	struct mnat_stream *stream;

	if (!session ||
	    mnat_stream_new(agent->loop, owned, MAX_IN, &stream_ops, session, &stream))
		return;
	TAKE_FD(owned);
	begin(TAKE_PTR(session), stream);
}

static void on_remote(struct mnat_stream *stream, const char *peer, void *user)
{
	struct agent_session *session = new_session(user, peer);

	if (!session) {
		mnat_stream_close(stream);
		return;
	}
	log_info("manager \"%s\" has connected", peer);
	mnat_stream_hand_over(stream, MAX_IN, &stream_ops, session);
	begin(session, stream);
}

int agent_listen_remote(struct agent *agent, const struct mnat_midcom_conf *conf)
{
	const struct mnat_tls_conf tls = {
		.ca = conf->ca, .cert = conf->cert, .key = conf->key, .crl = conf->crl};
	int r;

	if (!conf->listen[0])
		return 0;
	for (unsigned int i = 0; i < conf->n_peers; i++)
		agent->peers[i] = conf->peers[i];
	r = mnat_tls_new(&tls, &agent->tls);
	if (r)
		return r;
	return mnat_tls_listen(agent->loop, agent->tls, conf->listen, agent->peers, conf->n_peers,
			       on_remote, agent, &agent->remote);
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
	mnat_tls_listener_close(TAKE_PTR(agent->remote));
	DL_FOREACH_SAFE(agent->sessions, session, next) {
		notify(session, SIMCO_AST);
		drop(session);
	}
	mnat_tls_free(TAKE_PTR(agent->tls));
}
