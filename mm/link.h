/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The managers' connections, one a peer domain: the one of the lower number connects, the
 * other listens. TLS says who it is, HELLO which domain; HELLOs go on as a sign of life.
 * And the UDP socket where nodes in public space report.
 */
#ifndef MM_LINK_H
#define MM_LINK_H

#include <uv.h>

#include "mnat/tls.h"
#include "roam.h"

struct links;

/* A peer's side of the configuration; in the order of roam->peers. */
struct link_conf {
	const char *manager; /* "address:port", for connecting */
	const char *name;    /* that its certificate bears */
};

/* tls NULL: no peers. listen: "address:port" of both TCP and UDP. 0 or -errno, printed. */
int links_open(uv_loop_t *loop, struct roam *roam, const struct link_conf *peers,
	       struct mnat_tls *tls, const char *listen, struct links **ret_links);
int links_send(struct links *links, unsigned int peer, const struct peering_message *message);

/* The peer is spoken to no more. */
void links_revoke(struct links *links, unsigned int peer);

/* NULL: nothing. The memory goes when the loop has closed its handles. */
void links_close(struct links *links);

#endif
