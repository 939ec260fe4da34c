/* SPDX-License-Identifier: GPL-2.0-only */
/* A manager at the agent's door, in the agent's own loop. */
#ifndef MIDCOM_MANAGER_TEST_H
#define MIDCOM_MANAGER_TEST_H

#include "agent.h"

struct manager_test {
	uv_loop_t *loop;
	int fd; /* its end of the session; the test closes it */
	uint32_t transaction;
};

/* Open a session; the agent's reply. */
struct simco_message manager_open(struct manager_test *manager, struct agent *agent);

/* A reply, or what the agent says unasked. It is valid until the next. */
struct simco_message manager_receive(struct manager_test *manager);
struct simco_message manager_ask(struct manager_test *manager, struct simco_message request);

/* The loop's. */
void manager_turns(struct manager_test *manager, int n);

#endif
