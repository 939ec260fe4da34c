/* SPDX-License-Identifier: GPL-2.0-only */
/* The gateway's programs, loaded small for one test. */
#ifndef TEST_GATEWAY_H
#define TEST_GATEWAY_H

#include <bpf/bpf.h>

#include "harness.h"
#include "mnat/maps.h"

struct gateway;

#define TEST_HOST 70000 /* id of the mobile node in the tests */

struct gateway_setup {
	uint16_t port_first;
	uint16_t n_ports;
	const char *external; /* NULL: 135.180.32.4 */
	uint32_t n_ext;	      /* 0: 1 */
	uint32_t max_sessions; /* 0: 128 */
	bool refuse_plain;
	enum mnat_filtering filtering;
	uint32_t block;		/* ports; 0: 64 */
	uint32_t max_ports;	/* of a host; 0: any number */
	uint32_t max_host_sessions; /* 0: any number */
	uint32_t fixed;		/* blocks a host by formula */
	bool arbitrary;
	const char *apart; /* the last external address, if it is not consecutive ... */
	uint16_t apart_port_first; /* ... and its ports, if they are others than the others' */
	uint16_t apart_n_ports;
};

/* Network and programs; 10.0.0.0/16 and 10.10.0.0/20 inside, virtual 10.128.0.0/9. */
struct gateway *gateway_start(struct gateway_setup setup);

/* What mnat-midcomd does for a rebind, in its order. until: of the old address. */
void gateway_place(struct gateway *g, uint32_t host, const char *actual, uint32_t gen);
void gateway_name(struct gateway *g, uint32_t host, const char *virt); /* its virtual address */
void gateway_leave(struct gateway *g, const char *actual, uint32_t host, uint32_t until);

/* The host visits elsewhere: reached by tunnel to end; virt is its virtual address. */
void gateway_send_away(struct gateway *g, uint32_t host, const char *virt, const char *end);
/* The host is here, by a tunnel of its own. */
void gateway_tunnel(struct gateway *g, uint32_t host, const char *virt, const char *actual);
/* A host that gateway_tunnel() has put somewhere by its identity has virt as others have. */
void gateway_share(struct gateway *g, uint32_t host, const char *identity, const char *virt);
void gateway_admit(struct gateway *g, const char *peer, const char *virt, uint32_t host);
/* Sessions of host are anchored at another gateway: slot 1. */
void gateway_anchor(struct gateway *g, uint32_t host, const char *gateway, const char *virt,
		    uint32_t flags);
void gateway_import(struct gateway *g, const struct mnat_session_key *key);
void gateway_importing(struct gateway *g, uint32_t host, const char *actual, bool importing);

/* What mnat-midcomd does when a route, rule or neighbour has changed; rules: there are some. */
void gateway_routes_changed(struct gateway *g, bool rules);

/* In XDP mode (xdp.h) by the XDP program, and by that of TC if it is passed up. */
struct run from_inside(struct gateway *g, const struct packet *p);
struct run from_outside(struct gateway *g, const struct packet *p);
struct run from_inside_frame(struct gateway *g, const uint8_t *frame, size_t len);
struct run from_outside_frame(struct gateway *g, const uint8_t *frame, size_t len);
struct run through_guard(struct gateway *g, const struct packet *p);
int gateway_program(struct gateway *g, const char *name);
int gateway_map(struct gateway *g, const char *name);
struct mnat_sweep gateway_sweep(struct gateway *g, uint32_t now);

uint64_t gateway_count(struct gateway *g, enum mnat_counter_id id);
uint64_t gateway_count_all(struct gateway *g); /* all but events */
/* With the table of sessions only, for mnat/maps.h. */
const struct mnat_gateway *gateway_table(struct gateway *g);
int gateway_sessions(struct gateway *g); /* how many there are */
/* The record of the only one. */
struct mnat_session gateway_session(struct gateway *g, struct mnat_session_key *ret_key);
int gateway_bindings(struct gateway *g); /* entries in bib */
uint32_t gateway_now(void); /* seconds, the datapath's clock */

#endif
