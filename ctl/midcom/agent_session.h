/* SPDX-License-Identifier: GPL-2.0-only */
/* Between agent.c (sessions), requests.c and rule_requests.c (what is asked in them). */
#ifndef MIDCOM_AGENT_SESSION_H
#define MIDCOM_AGENT_SESSION_H

#include "agent.h"
#include "mnat/simco.h"

struct agent_session {
	struct agent *agent;
	struct mnat_stream *stream;
	char owner[SIMCO_OWNER_MAX + 1]; /* of the rules it makes */
	bool established;
	bool terminated; /* ST was answered */
	struct agent_session *prev, *next;
};

/*
 * Do what message asks; damaged: it could not be decoded. 0 with the reply's attributes
 * filled in, or an enum simco_error. The reply's flows are valid until the next call.
 */
int request_handle(struct agent_session *session, const struct simco_message *message,
		   bool damaged, struct simco_message *reply);

/* ---- rule_requests.c: handlers as request_handle()'s ---- */

int rule_reserve(struct agent_session *session, const struct simco_message *request,
		 struct simco_message *reply);
int rule_enable(struct agent_session *session, const struct simco_message *request,
		struct simco_message *reply);
int rule_enable_reserved(struct agent_session *session, const struct simco_message *request,
			 struct simco_message *reply);
int rule_disable(struct agent_session *session, const struct simco_message *request,
		 struct simco_message *reply);
int rule_change_lifetime(struct agent_session *session, const struct simco_message *request,
			 struct simco_message *reply);
int rule_status(struct agent_session *session, const struct simco_message *request,
		struct simco_message *reply);
int rule_list(struct agent_session *session, const struct simco_message *request,
	      struct simco_message *reply);

#endif
