// SPDX-License-Identifier: GPL-2.0-only
#include "certs.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

struct test_ca {
	char dir[256];
	char name[64];
	long serial;
	EVP_PKEY *key;
	X509 *cert;
};

static FILE *create(const struct test_ca *ca, const char *name, const char *suffix)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%s", ca->dir, name, suffix);
	f = fopen(path, "w");
	cr_assert(f, "%s", path);
	return f;
}

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	cr_assert(extension, "%s", value);
	X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
}

static X509 *make(const char *cn, EVP_PKEY *key, long serial, long from, long to)
{
	X509 *cert = X509_new();

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), from);
	X509_gmtime_adj(X509_getm_notAfter(cert), to);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
				   (const unsigned char *)cn, -1, -1, 0);
	X509_set_pubkey(cert, key);
	return cert;
}

static void write_cert(const struct test_ca *ca, const char *name, const char *suffix, X509 *cert)
{
	FILE *f = create(ca, name, suffix);

	cr_assert(PEM_write_X509(f, cert));
	fclose(f);
}

struct test_ca *test_ca_new(const char *dir, const char *name)
{
	struct test_ca *ca = calloc(1, sizeof(*ca));

	snprintf(ca->dir, sizeof(ca->dir), "%s", dir);
	snprintf(ca->name, sizeof(ca->name), "%s", name);
	ca->key = EVP_EC_gen("P-256");
	ca->cert = make(name, ca->key, ++ca->serial, -60, 86400);
	X509_set_issuer_name(ca->cert, X509_get_subject_name(ca->cert));
	extend(ca->cert, ca->cert, NID_basic_constraints, "critical,CA:TRUE");
	extend(ca->cert, ca->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	cr_assert(X509_sign(ca->cert, ca->key, EVP_sha256()));
	write_cert(ca, name, "ca.pem", ca->cert);
	return ca;
}

void test_ca_free(struct test_ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
	free(ca);
}

long test_ca_issue(struct test_ca *ca, const char *file, const char *san, long from, long to)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make(file, key, ++ca->serial, from, to);
	char value[128];
	FILE *f;

	snprintf(value, sizeof(value), "DNS:%s", san);
	X509_set_issuer_name(cert, X509_get_subject_name(ca->cert));
	extend(cert, ca->cert, NID_subject_alt_name, value);
	cr_assert(X509_sign(cert, ca->key, EVP_sha256()));
	write_cert(ca, file, "pem", cert);
	f = create(ca, file, "key");
	cr_assert(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL));
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(key);
	return ca->serial;
}

void test_ca_revoke(struct test_ca *ca, long serial)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *when = X509_gmtime_adj(NULL, -30);
	X509_REVOKED *revoked = X509_REVOKED_new();
	ASN1_INTEGER *number = ASN1_INTEGER_new();
	FILE *f;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, when);
	if (serial) {
		ASN1_INTEGER_set(number, serial);
		X509_REVOKED_set_serialNumber(revoked, number);
		X509_REVOKED_set_revocationDate(revoked, when);
		X509_CRL_add0_revoked(crl, revoked);
	} else {
		X509_REVOKED_free(revoked);
	}
	X509_gmtime_adj(when, 86400);
	X509_CRL_set1_nextUpdate(crl, when);
	cr_assert(X509_CRL_sign(crl, ca->key, EVP_sha256()));
	f = create(ca, ca->name, "crl.pem");
	cr_assert(PEM_write_X509_CRL(f, crl));
	fclose(f);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(when);
	X509_CRL_free(crl);
}
