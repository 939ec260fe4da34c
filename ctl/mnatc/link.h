/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The uplinks: which are there, which have a carrier, which one to use. Of those with a
 * carrier the best is used (choice.h), but for one whose network gave no lease, or whose
 * gateway fell silent, a moment ago.
 */
#ifndef MNATC_LINK_H
#define MNATC_LINK_H

#include "choice.h"
#include "mnat/netlink.h"
#include "mnat/role_conf.h"
#include "port.h"
#include "signal.h"
#include "watch.h"

struct links;

struct uplink {
	struct links *links;
	char name[IF_NAMESIZE];
	struct choice choice;
	const char *signal; /* the file that tells it; "": nl80211 */
	struct mnat_link link; /* as last heard; link.present: it exists */
	bool open;	       /* port is */
	struct port port;
	struct watch *dhcp_watch;
	struct watch *arp_watch;
	int rebind_fd; /* UDP to PEERING_PORT */
	struct watch *rebind_watch;
	uint64_t shunned_until_ns;
};

struct links_ops {
	/* the carrier of an uplink was lost, before anything is done about it */
	void (*lost)(struct uplink *uplink, void *user);
	/* use this one now: it has just got a carrier, or is the next best */
	void (*use)(struct uplink *uplink, void *user);
	/* none has a carrier */
	void (*none)(void *user);
	/* name, MAC address or MTU may have changed */
	void (*changed)(struct uplink *uplink, void *user);
	void (*dhcp_readable)(struct uplink *uplink, void *user);
	void (*arp_readable)(struct uplink *uplink, void *user);
	void (*rebind_readable)(struct uplink *uplink, void *user);
};

struct links {
	const struct links_ops *ops;
	void *user;
	uv_loop_t *loop;
	struct mnl_socket *nl; /* listens */
	struct watch *watch;
	struct uplink uplink[MNAT_MAX_INTERFACES];
	int n;
	struct uplink *current; /* NULL: none has a carrier */
	struct choice_rules rules;
	struct radio radio;
	uint64_t sample_at_ns; /* NEVER: there is no choice */
};

/*
 * Watch the configured uplinks and bring them up. Calls no ops yet. Errors are
 * printed. links must stay where it is until links_close().
 */
int links_open(uv_loop_t *loop, const struct mnat_node_conf *conf, const struct links_ops *ops,
	       void *user, struct links *links);
void links_close(struct links *links);

/* Choose the best uplink, and say so even if it is the current one. */
void links_choose(struct links *links);

/*
 * The current uplink is of no use, why says so: use another for a minute. False: there is
 * none.
 */
bool links_shun_current(struct links *links, const char *why);

/* Is there another that could be used at once? */
bool links_have_other(const struct links *links);

/* A shunned uplink gets its next chance; signals are looked at. */
void links_tick(struct links *links);
uint64_t links_deadline(const struct links *links);

struct uplink *links_by_index(struct links *links, int index);

#endif
