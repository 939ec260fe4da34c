/* SPDX-License-Identifier: GPL-2.0-only */
/* What tls_listen.c and tls_connect.c share with tls.c. */
#ifndef LIB_TLS_SESSION_H
#define LIB_TLS_SESSION_H

#include <openssl/ssl.h>

#include "mnat/tls.h"

/* A session on its way to being verified; the caller's until one of the two is called. */
struct tls_session;

struct tls_session_ops {
	mnat_tls_ready_fn ready;
	/* why: a sentence's end, "does not speak TLS 1.3" */
	void (*failed)(struct tls_session *session, const char *why, void *user);
};

struct tls_session_args {
	bool server;
	const char *remote; /* how logs call the other side; copied */
	const char *const *names;
	size_t n_names;
	const struct tls_session_ops *ops;
	void *user;
};

/* On a socket, perhaps still connecting, which it takes over when it succeeds. */
int tls_session_begin(uv_loop_t *loop, struct mnat_tls *tls, int fd,
		      const struct tls_session_args *args, struct tls_session **ret_session);
void tls_session_cancel(struct tls_session *session);

/* A non-blocking TCP socket whose dead peers are noticed within half a minute. */
int tls_socket(void);
void tls_socket_tune(int fd);

struct mnat_tls {
	SSL_CTX *ctx;
	char *ca;
	char *cert;
	char *key;
	char *crl; /* NULL: none */
	unsigned int handshake_ms;
};

#endif
