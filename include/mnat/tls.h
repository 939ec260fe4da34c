/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Streams (stream.h) over TCP with TLS 1.3, both sides verified: by a CA, by the
 * validity of the certificate, by a name among its subject alternative names (DNS
 * names, no wildcards, no common names) and, if a list is given, by its not being
 * revoked. Nothing is resumed: every session verifies anew.
 */
#ifndef MNAT_TLS_H
#define MNAT_TLS_H

#include "mnat/stream.h"

/* PEM files. */
struct mnat_tls_conf {
	const char *ca;	  /* who may sign the other side's certificate */
	const char *cert; /* ours, with intermediate ones if any */
	const char *key;  /* ours */
	const char *crl;  /* revocation lists of every CA in a chain; NULL or "": none */
	unsigned int handshake_ms; /* the most a handshake may take; 0: 5000 */
};

struct mnat_tls;

/* 0, or -errno with what is wrong with which file printed. conf's strings are copied. */
int mnat_tls_new(const struct mnat_tls_conf *conf, struct mnat_tls **ret_tls);

/*
 * Read the files again, for sessions that begin from now on: renewed certificates and
 * lists. On an error all stays as it was. 0 or -errno, printed.
 */
int mnat_tls_reload(struct mnat_tls *tls);

/* Sessions go on; listeners and connectors must have been closed. NULL: nothing. */
void mnat_tls_free(struct mnat_tls *tls);

/*
 * A verified session: the stream is the callee's, who gives it ops of its own by
 * mnat_stream_hand_over() or closes it, before it returns. peer: the name (of those
 * allowed) the other side's certificate bears; it does not outlive the call.
 *
 * On the connecting side the other may still refuse our certificate, which ends the
 * stream: nothing is agreed before its first bytes have come.
 */
typedef void (*mnat_tls_ready_fn)(struct mnat_stream *stream, const char *peer, void *user);

struct mnat_tls_listener;

/* "10.0.0.1:7627". 0 or -errno, printed. */
int mnat_tls_parse_address(const char *text, struct sockaddr_in *ret_address);

/* Is this an "address:port" or "name:port" one can connect to? */
bool mnat_tls_is_target(const char *text);

/*
 * Listen on "address:port"; peers: the names that may connect, n of them, kept by
 * reference. Refused ones are logged, at most one line a second. 0 or -errno, printed.
 */
int mnat_tls_listen(uv_loop_t *loop, struct mnat_tls *tls, const char *address,
		    const char *const *peers, size_t n, mnat_tls_ready_fn ready, void *user,
		    struct mnat_tls_listener **ret_listener);

/* The port in use: for tests that listen on port 0. */
uint16_t mnat_tls_listener_port(const struct mnat_tls_listener *listener);
void mnat_tls_listener_close(struct mnat_tls_listener *listener); /* sessions go on */

struct mnat_tls_connector;

/*
 * Connect to "host:port", whose certificate must bear name, and again after every
 * failure, later and later up to a second. After ready() it rests until it is told
 * to go on. Failures are logged when they differ from the last. 0 or -errno, printed.
 */
int mnat_tls_connect(uv_loop_t *loop, struct mnat_tls *tls, const char *target, const char *name,
		     mnat_tls_ready_fn ready, void *user, struct mnat_tls_connector **ret_connector);

/* The session ended: connect again. One that ended soon is not repeated at once. */
void mnat_tls_reconnect(struct mnat_tls_connector *connector);
void mnat_tls_connector_close(struct mnat_tls_connector *connector); /* the session goes on */

#endif
