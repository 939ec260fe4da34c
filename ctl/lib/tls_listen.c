// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"
#include "tls_session.h"

#define BACKLOG 64
#define MAX_HANDSHAKES 32 /* strangers who have not shown who they are */

struct mnat_tls_listener {
	uv_loop_t *loop;
	uv_poll_t poll;
	int fd;
	struct mnat_tls *tls;
	const char *const *peers;
	size_t n_peers;
	mnat_tls_ready_fn ready;
	void *user;
	struct guest *guests;
	unsigned int n_guests;
	uint64_t next_log_ns;
	unsigned int unlogged;
};

struct guest {
	struct mnat_tls_listener *listener;
	struct tls_session *session;
	char address[MNAT_IP_LEN + 8];
	struct guest *prev, *next;
};

static void forget(struct guest *guest)
{
	DL_DELETE(guest->listener->guests, guest);
	guest->listener->n_guests--;
	free(guest);
}

static void refuse(struct mnat_tls_listener *l, const char *address, const char *why)
{
	uint64_t now = mnat_clock_now();

	if (now < l->next_log_ns) {
		l->unlogged++;
		return;
	}
	if (l->unlogged)
		log_warn("%u more refused since the last of these lines", l->unlogged);
	log_warn("refused: %s %s", address, why);
	l->unlogged = 0;
	l->next_log_ns = now + MNAT_NS_PER_SEC;
}

/* The name as the configuration writes it. */
static const char *allowed_name(const struct mnat_tls_listener *l, const char *peer)
{
	for (size_t i = 0; peer && i < l->n_peers; i++)
		if (!strcasecmp(peer, l->peers[i]))
			return l->peers[i];
	return NULL;
}

static void on_ready(struct mnat_stream *stream, const char *peer, void *user)
{
	struct guest *guest = user;
	struct mnat_tls_listener *l = guest->listener;
	const char *name = allowed_name(l, peer);

	if (!name) {
		refuse(l, guest->address, "has a certificate for another name");
		mnat_stream_close(stream);
	}
	forget(guest);
	if (name)
		l->ready(stream, name, l->user);
}

static void on_failed(struct tls_session *session, const char *why, void *user)
{
	struct guest *guest = user;

	refuse(guest->listener, guest->address, why);
	forget(guest);
}

static const struct tls_session_ops guest_ops = {on_ready, on_failed};

static void dismiss(struct guest *guest, const char *why)
{
	refuse(guest->listener, guest->address, why);
	tls_session_cancel(guest->session);
	forget(guest);
}

static int receive(struct mnat_tls_listener *l, int fd, const struct sockaddr_in *from)
{
	struct guest *guest = calloc(1, sizeof(*guest));
	struct tls_session_args args = {
		.server = true,
		.names = l->peers,
		.n_names = l->n_peers,
		.ops = &guest_ops,
		.user = guest,
	};
	char ip[MNAT_IP_LEN];
	int r;

	if (!guest)
		return -ENOMEM;
	guest->listener = l;
	snprintf(guest->address, sizeof(guest->address), "%s:%u", mnat_ip(from->sin_addr, ip),
		 ntohs(from->sin_port));
	args.remote = guest->address;
	r = tls_session_begin(l->loop, l->tls, fd, &args, &guest->session);
	if (r) {
		free(guest);
		return r;
	}
	DL_APPEND(l->guests, guest);
	l->n_guests++;
	return 0;
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct mnat_tls_listener *l = poll->data;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	_cleanup_close_ int fd =
		accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	/* who means it is done in milliseconds: the oldest is the likeliest not to */
	if (l->n_guests >= MAX_HANDSHAKES)
		dismiss(l->guests, "is too slow to show who it is while others wait");
	tls_socket_tune(fd);
	if (!receive(l, fd, &from))
		TAKE_FD(fd);
}

static int bind_and_listen(const struct sockaddr_in *addr)
{
	_cleanup_close_ int fd = tls_socket();
	int one = 1;

	if (fd < 0)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) || listen(fd, BACKLOG))
		return -errno;
	return TAKE_FD(fd);
}

int mnat_tls_listen(uv_loop_t *loop, struct mnat_tls *tls, const char *address,
		    const char *const *peers, size_t n, mnat_tls_ready_fn ready, void *user,
		    struct mnat_tls_listener **ret_listener)
{
	struct mnat_tls_listener *l;
	struct sockaddr_in addr;
	int r = mnat_tls_parse_address(address, &addr);

	if (r)
		return r;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct mnat_tls_listener){
		.loop = loop,
		.tls = tls,
		.peers = peers,
		.n_peers = n,
		.ready = ready,
		.user = user,
		.fd = bind_and_listen(&addr),
	};
	if (l->fd < 0) {
		r = l->fd;
		log_err("cannot listen on %s: %s", address, strerror(-r));
		free(l);
		return r;
	}
	l->poll.data = l;
	uv_poll_init(loop, &l->poll, l->fd);
	uv_poll_start(&l->poll, UV_READABLE, on_connection);
	*ret_listener = l;
	return 0;
}

uint16_t mnat_tls_listener_port(const struct mnat_tls_listener *l)
{
	struct sockaddr_in addr = {0};
	socklen_t len = sizeof(addr);

	getsockname(l->fd, (struct sockaddr *)&addr, &len);
	return ntohs(addr.sin_port);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void mnat_tls_listener_close(struct mnat_tls_listener *l)
{
	struct guest *guest, *next;

	if (!l)
		return;
	DL_FOREACH_SAFE(l->guests, guest, next) {
		tls_session_cancel(guest->session);
		forget(guest);
	}
	uv_poll_stop(&l->poll);
	close(l->fd);
	uv_close((uv_handle_t *)&l->poll, on_closed);
}
