/* SPDX-License-Identifier: GPL-2.0-only */
/* mmd.conf */
#ifndef MM_MMD_CONF_H
#define MM_MMD_CONF_H

#include "leasequery.h"
#include "gateway.h"
#include "roam.h"

struct mmd_conf {
	char *run_dir;
	/* between domains; domain 0: none of it */
	uint32_t domain;
	unsigned int ticket_s;
	unsigned int serve_s; /* in public space */
	char *secret;
	char *state;
	char *listen;
	char *ca; /* NULL: no TLS */
	char *cert;
	char *key;
	char *crl;
	struct feed_conf feed;
	unsigned int n_peers;
	struct mmd_peer_conf {
		uint32_t domain;
		char *manager; /* "address:port" */
		char *name;
		unsigned int max_visitors;
		unsigned int max_flows;
		unsigned int rate;
		unsigned int serve;
		bool direct;
		bool translate;
		bool correspondent;
	} peers[ROAM_MAX_PEERS];
	unsigned int n_gateways;
	struct {
		char *name;
		char *socket;	   /* or NULL: */
		char *address;	   /* "address:port" */
		char *certificate; /* the name it bears */
		struct in_addr tunnel_addr;
	} gateways[MAX_GATEWAYS];
};

/* A domain's number as users write it. 0 or -EINVAL. */
int mmd_conf_domain(const char *text, uint32_t *ret_number);

/* 0, or -errno with the error printed. */
int mmd_conf_load(const char *path, struct mmd_conf *ret_conf);
void mmd_conf_free(struct mmd_conf *conf);

#endif
