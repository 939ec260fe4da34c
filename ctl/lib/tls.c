// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"
#include "tls_session.h"

#define HANDSHAKE_MS 5000

/* OpenSSL's first reason, which is the nearest to the cause; the rest is dropped. */
static const char *reason(void)
{
	unsigned long error = ERR_get_error();
	const char *text = error ? ERR_reason_error_string(error) : NULL;

	if (error && ERR_SYSTEM_ERROR(error))
		text = strerror(ERR_GET_REASON(error));
	ERR_clear_error();
	return text ? text : "unknown reason";
}

static int bad_file(const char *path, const char *what)
{
	log_err("%s: %s: %s", path, what, reason());
	return -EINVAL;
}

static int load_own(SSL_CTX *ctx, const struct mnat_tls *tls)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert) != 1)
		return bad_file(tls->cert, "cannot be used as our certificate (PEM)");
	if (SSL_CTX_use_PrivateKey_file(ctx, tls->key, SSL_FILETYPE_PEM) != 1)
		return bad_file(tls->key, "cannot be used as the private key of our certificate");
	return 0;
}

/* Every certificate of a chain must have a list that says it is not revoked. */
static int load_crl(SSL_CTX *ctx, const char *path)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

	if (!lookup || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) < 1)
		return bad_file(path, "cannot be used as a list of revoked certificates (PEM)");
	X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
	return 0;
}

static int load_ca(SSL_CTX *ctx, const struct mnat_tls *tls)
{
	STACK_OF(X509_NAME) *names;

	if (SSL_CTX_load_verify_file(ctx, tls->ca) != 1)
		return bad_file(tls->ca, "cannot be used as CA certificates (PEM)");
	names = SSL_load_client_CA_file(tls->ca);
	if (!names)
		return bad_file(tls->ca, "cannot be used as CA certificates (PEM)");
	SSL_CTX_set_client_CA_list(ctx, names);
	return tls->crl ? load_crl(ctx, tls->crl) : 0;
}

static int load(const struct mnat_tls *tls, SSL_CTX **ret_ctx)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	int r;

	if (!ctx)
		return -ENOMEM;
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	ERR_clear_error();
	r = load_own(ctx, tls);
	if (!r)
		r = load_ca(ctx, tls);
	if (r)
		SSL_CTX_free(ctx);
	else
		*ret_ctx = ctx;
	return r;
}

static int copy_conf(struct mnat_tls *tls, const struct mnat_tls_conf *conf)
{
	tls->ca = strdup(conf->ca);
	tls->cert = strdup(conf->cert);
	tls->key = strdup(conf->key);
	if (!tls->ca || !tls->cert || !tls->key)
		return -ENOMEM;
	tls->handshake_ms = conf->handshake_ms ? conf->handshake_ms : HANDSHAKE_MS;
	if (!conf->crl || !*conf->crl)
		return 0;
	tls->crl = strdup(conf->crl);
	return tls->crl ? 0 : -ENOMEM;
}

int mnat_tls_new(const struct mnat_tls_conf *conf, struct mnat_tls **ret_tls)
{
	struct mnat_tls *tls = calloc(1, sizeof(*tls));
	int r;

	if (!tls)
		return -ENOMEM;
	r = copy_conf(tls, conf);
	if (!r)
		r = load(tls, &tls->ctx);
	if (r)
		mnat_tls_free(tls);
	else
		*ret_tls = tls;
	return r;
}

int mnat_tls_reload(struct mnat_tls *tls)
{
	SSL_CTX *ctx;
	int r = load(tls, &ctx);

	if (r)
		return r;
	SSL_CTX_free(tls->ctx);
	tls->ctx = ctx;
	return 0;
}

void mnat_tls_free(struct mnat_tls *tls)
{
	if (!tls)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls->ca);
	free(tls->cert);
	free(tls->key);
	free(tls->crl);
	free(tls);
}
