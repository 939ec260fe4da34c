// SPDX-License-Identifier: GPL-2.0-only
/* One TLS session as a stream's layer: OpenSSL between two memory BIOs. */
#include "tls_session.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"

#define WHY_LEN 200
#define REMOTE_LEN 320

struct tls_session {
	SSL *ssl;
	BIO *from_peer;
	BIO *to_peer;
	struct mnat_stream *stream;
	uv_timer_t timer; /* of the handshake */
	int users;	  /* stream and timer, not yet closed */
	bool verified;
	bool over; /* its handshake was reported, well or not */
	const struct tls_session_ops *ops;
	void *user;
	char remote[REMOTE_LEN];
	char why[WHY_LEN];
};

static void put(struct tls_session *s)
{
	if (--s->users)
		return;
	SSL_free(s->ssl);
	free(s);
}

static void on_timer_closed(uv_handle_t *handle)
{
	put(handle->data);
}

/* ---- Errors in words ---- */

/* OpenSSL's reasons for what people will meet. */
static const struct {
	int reason;
	const char *text;
} reasons[] = {
	{SSL_R_UNSUPPORTED_PROTOCOL, "does not speak TLS 1.3"},
	{SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "does not speak TLS 1.3"},
	{SSL_R_WRONG_VERSION_NUMBER, "does not speak TLS"},
	{SSL_R_HTTP_REQUEST, "speaks HTTP, not our protocol"},
	{SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, "shows no certificate"},
	{SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "wants a certificate of us"},
	{SSL_R_TLSV1_ALERT_UNKNOWN_CA, "refuses our certificate: it does not know its CA"},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "refuses our certificate: it has expired"},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, "refuses our certificate: it is revoked"},
	{SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, "refuses our certificate"},
	{SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, "refuses our certificate: not its name, or not valid now"},
};

static void explain(struct tls_session *s)
{
	unsigned long error = ERR_get_error();
	const char *text = error ? ERR_reason_error_string(error) : NULL;
	long verdict = SSL_get_verify_result(s->ssl);

	ERR_clear_error();
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (ERR_GET_REASON(error) == reasons[i].reason) {
			snprintf(s->why, sizeof(s->why), "%s", reasons[i].text);
			return;
		}
	if (!s->verified && verdict == X509_V_ERR_HOSTNAME_MISMATCH)
		snprintf(s->why, sizeof(s->why), "has a certificate for another name");
	else if (!s->verified && verdict != X509_V_OK)
		snprintf(s->why, sizeof(s->why), "has a certificate that is not accepted: %s",
			 X509_verify_cert_error_string(verdict));
	else
		snprintf(s->why, sizeof(s->why), "broke TLS: %s", text ? text : "unknown reason");
}

/* ---- The stream's layer ---- */

static int ssl_error(struct tls_session *s, int r)
{
	switch (SSL_get_error(s->ssl, r)) {
	case SSL_ERROR_NONE:
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return -ESHUTDOWN;
	default:
		explain(s);
		if (s->verified)
			log_warn("%s %s", s->remote, s->why);
		return s->verified ? -ECONNABORTED : -EACCES;
	}
}

static int shake_hands(struct tls_session *s)
{
	int r;

	ERR_clear_error();
	r = SSL_do_handshake(s->ssl);
	if (r != 1)
		return ssl_error(s, r);
	s->verified = true;
	s->over = true;
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
	s->ops->ready(s->stream, SSL_get0_peername(s->ssl), s->user);
	return 0;
}

static int feed(void *layer, const uint8_t *buf, size_t len)
{
	struct tls_session *s = layer;

	if (BIO_write(s->from_peer, buf, (int)len) != (int)len)
		return -ENOMEM;
	return s->verified ? 0 : shake_hands(s);
}

static ssize_t read_plain(void *layer, uint8_t *buf, size_t size)
{
	struct tls_session *s = layer;
	size_t n;
	int r;

	if (!s->verified)
		return 0;
	ERR_clear_error();
	r = SSL_read_ex(s->ssl, buf, size, &n);
	return r == 1 ? (ssize_t)n : ssl_error(s, r);
}

static ssize_t write_plain(void *layer, const uint8_t *buf, size_t len)
{
	struct tls_session *s = layer;
	size_t n;
	int r;

	if (!s->verified)
		return 0;
	ERR_clear_error();
	r = SSL_write_ex(s->ssl, buf, len, &n);
	return r == 1 ? (ssize_t)n : ssl_error(s, r);
}

static size_t fetch(void *layer, uint8_t *buf, size_t size)
{
	struct tls_session *s = layer;
	int n = BIO_read(s->to_peer, buf, (int)size);

	return n > 0 ? (size_t)n : 0;
}

static void say_goodbye(void *layer)
{
	struct tls_session *s = layer;

	if (s->verified)
		SSL_shutdown(s->ssl);
	ERR_clear_error();
}

static void free_layer(void *layer)
{
	put(layer);
}

static const struct mnat_stream_layer layer_ops = {
	.feed = feed,
	.read = read_plain,
	.write = write_plain,
	.fetch = fetch,
	.close = say_goodbye,
	.free = free_layer,
};

/* ---- Until it is verified, the stream is ours ---- */

static void give_up(struct tls_session *s)
{
	s->over = true;
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
	mnat_stream_close(s->stream);
}

static ssize_t on_received(struct mnat_stream *stream, const uint8_t *buf, size_t len, void *user)
{
	return 0; /* verified and handed over before there are any */
}

static void on_ended(struct mnat_stream *stream, int error, void *user)
{
	struct tls_session *s = user;

	if (s->over)
		return;
	if (!s->why[0] && (!error || error == -ECONNRESET || error == -EPIPE))
		snprintf(s->why, sizeof(s->why), "hung up in the middle of the TLS handshake");
	else if (!s->why[0])
		snprintf(s->why, sizeof(s->why), "cannot be reached: %s", strerror(-error));
	give_up(s);
	s->ops->failed(s, s->why, s->user);
}

static void on_timeout(uv_timer_t *timer)
{
	struct tls_session *s = timer->data;

	give_up(s);
	s->ops->failed(s, "does not answer", s->user);
}

static const struct mnat_stream_ops stream_ops = {
	.received = on_received,
	.ended = on_ended,
};

/* ---- Life ---- */

static int expect_names(SSL *ssl, const char *const *names, size_t n)
{
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_WILDCARDS);
	for (size_t i = 0; i < n; i++)
		if (SSL_add1_host(ssl, names[i]) != 1)
			return -ENOMEM;
	return n ? 0 : -EINVAL; /* without a name OpenSSL would accept any */
}

static int make_ssl(struct tls_session *s, struct mnat_tls *tls,
		    const struct tls_session_args *args)
{
	int r;

	s->ssl = SSL_new(tls->ctx);
	s->from_peer = BIO_new(BIO_s_mem());
	s->to_peer = BIO_new(BIO_s_mem());
	if (!s->ssl || !s->from_peer || !s->to_peer) {
		BIO_free(s->from_peer);
		BIO_free(s->to_peer);
		return -ENOMEM;
	}
	BIO_set_mem_eof_return(s->from_peer, -1);
	SSL_set_bio(s->ssl, s->from_peer, s->to_peer);
	r = expect_names(s->ssl, args->names, args->n_names);
	if (r)
		return r;
	if (args->server) {
		SSL_set_accept_state(s->ssl);
		return 0;
	}
	SSL_set_connect_state(s->ssl);
	SSL_set_tlsext_host_name(s->ssl, args->names[0]);
	SSL_do_handshake(s->ssl); /* leaves the first message to fetch */
	return 0;
}

int tls_session_begin(uv_loop_t *loop, struct mnat_tls *tls, int fd,
		      const struct tls_session_args *args, struct tls_session **ret_session)
{
	struct tls_session *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->ops = args->ops;
	s->user = args->user;
	snprintf(s->remote, sizeof(s->remote), "%s", args->remote);
	r = make_ssl(s, tls, args);
	/* a record and the stream's own bookkeeping are all that can wait here */
	if (!r)
		r = mnat_stream_new(loop, fd, 1, &stream_ops, s, &s->stream);
	if (r) {
		SSL_free(s->ssl);
		free(s);
		return r;
	}
	s->users = 2;
	mnat_stream_set_layer(s->stream, &layer_ops, s);
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	uv_timer_start(&s->timer, on_timeout, tls->handshake_ms, 0);
	*ret_session = s;
	return 0;
}

void tls_session_cancel(struct tls_session *s)
{
	if (s && !s->over)
		give_up(s);
}

void tls_socket_tune(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
		{IPPROTO_TCP, TCP_NODELAY, 1},	  {SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 10},  {IPPROTO_TCP, TCP_KEEPINTVL, 5},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},	  {IPPROTO_TCP, TCP_USER_TIMEOUT, 25000},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

int tls_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	tls_socket_tune(fd);
	return fd;
}
