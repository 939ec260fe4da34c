// SPDX-License-Identifier: GPL-2.0-only
/* In public space: what hails say and hear, through the shim, from the address we have there. */
#include "visit_public.h"

#include <errno.h>
#include <string.h>

#include "actions.h"
#include "mnat/addr.h"
#include "mnat/log.h"
#include "mnat/peering.h"

#define RESET_SETTLES (100 * MNAT_NS_PER_MS) /* from the manager's answer to its gateways */
#define RESET_LINGER  (5 * MNAT_NS_PER_SEC)

static void hail_send(struct in_addr manager, const void *datagram, size_t len, void *user)
{
	struct engine *e = user;
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(PEERING_PORT), .sin_addr = manager};
	char text[MNAT_IP_LEN];

	if (sendto(e->visit.hail_fd, datagram, len, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		log_debug("arrival not sent to %s: %m", mnat_ip(manager, text));
}

/*
 * To both ends: the RST to the correspondent takes the way of the session, by home. Were
 * it lost, what the correspondent says next would bring another: the shim still knows
 * the session for a while.
 */
void visit_end_sessions(struct engine *e)
{
	struct visit *v = &e->visit;
	unsigned int n = 0;

	v->reset_at_ns = NEVER;
	for (const struct session *s = v->sessions.table; s; s = s->hh.next)
		n += s->home && !sockets_destroy(v->diag, &s->socket);
	log_info("%u sessions begun elsewhere ended, as public = \"reset\" wants it", n);
	v->look_at_ns = mnat_clock_now() + RESET_LINGER;
}

static void hail_answered(struct home *home, bool first, void *user)
{
	struct engine *e = user;
	char gateway[MNAT_IP_LEN], manager[MNAT_IP_LEN];

	if (!first)
		return;
	log_info("sessions of domain %u go by its gateway %s, says %s", home->domain,
		 mnat_ip(home->gateway, gateway), mnat_ip(home->manager, manager));
	visit_sync(e);
	if (e->visit.reset_at_ns != NEVER && hails_all_answered(&e->visit.hails))
		e->visit.reset_at_ns = mnat_clock_now() + RESET_SETTLES;
}

static void hail_refused(struct home *home, uint8_t error, void *user)
{
	char manager[MNAT_IP_LEN];

	log_warn("%s does not serve our sessions of domain %u: %s", mnat_ip(home->manager, manager),
		 home->domain, peering_error_text(error));
}

static const struct hail_ops hail_ops = {
	.send = hail_send,
	.count = visit_count,
	.answered = hail_answered,
	.refused = hail_refused,
};

static void hail_readable(void *user)
{
	struct engine *e = user;
	uint8_t datagram[1500];
	ssize_t n;

	while ((n = recv(e->visit.hail_fd, datagram, sizeof(datagram), MSG_DONTWAIT)) >= 0)
		if (!hails_receive(&e->visit.hails, &e->state.roam, datagram, (size_t)n))
			log_debug("datagram of %zd bytes ignored: no answer to an arrival", n);
	engine_rearm(e);
}

int visit_open_hails(struct engine *e)
{
	const char *device = e->conf.device;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	hails_init(&e->visit.hails, &hail_ops, e);
	e->visit.hail_fd = fd;
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device) + 1))
		return -errno;
	return watch_start(e->loop, fd, hail_readable, e, &e->visit.hail_watch);
}
