// SPDX-License-Identifier: GPL-2.0-only
#include "sessions.h"

#include <errno.h>
#include <stdlib.h>

void sessions_begin(struct sessions *sessions)
{
	for (struct session *s = sessions->table; s; s = s->hh.next)
		s->seen = false;
}

int sessions_saw(struct sessions *sessions, const struct socket_info *socket, uint32_t home)
{
	struct session *session;

	HASH_FIND(hh, sessions->table, &socket->key, sizeof(socket->key), session);
	/* the same ports again, but another address: another session */
	if (session && session->socket.local.s_addr != socket->local.s_addr)
		session->home = home;
	if (!session) {
		session = calloc(1, sizeof(*session));
		if (!session)
			return -ENOMEM;
		session->key = socket->key;
		session->home = home;
		HASH_ADD(hh, sessions->table, key, sizeof(session->key), session);
	}
	session->socket = *socket;
	session->seen = true;
	return 0;
}

static void forget(struct sessions *sessions, struct session *session)
{
	HASH_DEL(sessions->table, session);
	free(session);
}

void sessions_end(struct sessions *sessions)
{
	struct session *session, *next;

	HASH_ITER(hh, sessions->table, session, next)
		if (!session->seen)
			forget(sessions, session);
}

void sessions_done(struct sessions *sessions)
{
	struct session *session, *next;

	HASH_ITER(hh, sessions->table, session, next)
		forget(sessions, session);
}

unsigned int sessions_on(const struct sessions *sessions, struct in_addr virt)
{
	unsigned int n = 0;

	for (const struct session *s = sessions->table; s; s = s->hh.next)
		n += s->socket.local.s_addr == virt.s_addr;
	return n;
}

unsigned int sessions_of(const struct sessions *sessions, uint32_t home)
{
	unsigned int n = 0;

	for (const struct session *s = sessions->table; s; s = s->hh.next)
		n += s->home == home;
	return n;
}

/* Where it began; after a restart, when that is forgotten, where its address was ours last. */
static struct home *home_of(const struct session *session, struct roam *roam)
{
	struct home *home = roam_by_serial(roam, session->home);

	return home ? home : roam_by_virtual(roam, session->socket.local);
}

bool session_entry(const struct session *session, struct roam *roam, const struct place *place,
		   struct mnat_home *ret_home)
{
	const struct home *home = place->public && session->home ? home_of(session, roam) : NULL;
	struct mnat_home entry = {.virt = session->socket.local.s_addr};

	if (home && home->have_token)
		entry.gateway = home->gateway.s_addr ? home->gateway.s_addr
						     : roam_ticket_gateway(home).s_addr;
	if (!entry.gateway && entry.virt == place->preferred.s_addr)
		return false;
	*ret_home = entry;
	return true;
}
