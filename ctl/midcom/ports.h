/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * External ports held by policy rules: the life of a binding as bpf/binding.h has it,
 * and of a block as bpf/block.h, by the same atomic operations on the same memory. A
 * wished port may be in another host's block; if nobody has the block, rules have it. A
 * rule's reference is marked in the owner word (MNAT_OWNER_RULE), so that a killed agent's
 * references are known.
 */
#ifndef MIDCOM_PORTS_H
#define MIDCOM_PORTS_H

#include <stdbool.h>

#include "mnat/maps.h"

/* An endpoint inside; host 0: the port is reserved for nobody yet. */
struct port_owner {
	uint32_t host;
	__be16 port;
	enum mnat_proto_class proto;
};

#define PORT_ANY (-1)

/*
 * Take a port for owner: index as wished, or PORT_ANY, which is none that was freed a
 * short time ago. An endpoint that has a port already keeps it. Returns the index, or
 * -EADDRINUSE: the wished one is taken; -EEXIST: the endpoint has another; -ENOSPC: none
 * is free, or the bib is full.
 */
int64_t ports_take(const struct mnat_gateway *gateway, const struct port_owner *owner,
		   int64_t wish, uint32_t now);

/* Give a reserved port to an endpoint. 0, -EEXIST: it has another; -ENOSPC. */
int ports_assign(const struct mnat_gateway *gateway, uint32_t index,
		 const struct port_owner *owner);

/* The rule ends; sessions keep the port until they end. */
void ports_drop(const struct mnat_gateway *gateway, uint32_t index);

/* Is the port held by a rule for this owner? */
bool ports_is_held(const struct mnat_gateway *gateway, uint32_t index,
		   const struct port_owner *owner);

/* The id will be another host's: its blocks must wait for the hold-down like others. */
void ports_forget_host(const struct mnat_gateway *gateway, uint32_t host);

/* Drop every rule's port that keep() does not want. Returns how many. */
uint32_t ports_drop_orphans(const struct mnat_gateway *gateway,
			    bool (*keep)(uint32_t index, void *user), void *user);

#endif
