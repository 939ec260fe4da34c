/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every host of the domain, as the DHCP server's lease events tell, and which
 * gateways have confirmed it. Nothing is kept on disk: after a start the DHCP
 * server sends a snapshot.
 */
#ifndef MM_REGISTRY_H
#define MM_REGISTRY_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "mnat/abi.h"
#include "mnat/dhcp.h"

#define MAC_LEN 24

/* A lease event; plain: no virtual address, identity is the actual one. */
struct event {
	struct in_addr identity;
	struct in_addr actual; /* 0.0.0.0: the lease ended */
	struct in_addr old;    /* 0.0.0.0: not told */
	uint32_t generation;
	bool plain;
	bool tunnel; /* reached by a tunnel to actual (figure 3A) */
	struct in_addr shows; /* the virtual address it shares with others; 0.0.0.0: none */
	char mac[MAC_LEN];
	struct dhcp_mnat_arrival arrivals[DHCP_MNAT_MAX_ARRIVALS]; /* it has sessions there */
	unsigned int n_arrivals;
};

/*
 * A host with an identity of its own beside its virtual address has it for sharing that: it is
 * reached by tunnel, and has no sessions elsewhere. 0, or -EINVAL: the event contradicts itself.
 */
int event_check_shared(const struct event *event);

struct host_key {
	struct in_addr identity;
	uint32_t plain;
};

struct host {
	struct host_key key;
	struct in_addr actual; /* 0.0.0.0: left */
	struct in_addr old;
	uint32_t generation;
	bool tunnel;		 /* at actual, by a tunnel */
	struct in_addr shows;	 /* as in event */
	bool away;		 /* not at actual but behind endpoint, in another domain */
	struct in_addr endpoint;
	uint32_t issued; /* generation of the last event that bound it */
	bool importing;		 /* gateways do not know all its sessions yet */
	bool one_way;		 /* away, it need not answer by the tunnel */
	uint32_t shift;		 /* what gateways are told is generation plus this */
	char mac[MAC_LEN];
	uint32_t confirmed;   /* a bit a gateway: this generation is in force there */
	uint32_t refused;     /* said no to it */
	uint8_t refusal;      /* the last one's enum simco_error */
	uint64_t received_ns; /* when the event came; 0: rule_us is final */
	uint32_t rule_us;     /* until all gateways had confirmed */
	uint64_t bound_at_ns; /* as the last gateway reported */
	uint32_t snapshot;    /* the last one that named it */
	unsigned int refs;    /* requests and batches that point here */
	UT_hash_handle hh;
};

struct registry {
	struct host *hosts;
	uint32_t gateways;  /* a bit each */
	uint32_t snapshot;  /* number of the current one */
	bool in_snapshot;
	bool complete; /* a whole snapshot has come since the start */
};

enum applied {
	APPLIED_CHANGED,
	APPLIED_REPEATED, /* said before: nothing to do unless it is unconfirmed */
	APPLIED_STALE,	  /* older than what is known, ignored */
};

/*
 * Take an event in. -ENOMEM, or an enum applied with *ret_host: the host (NULL: it
 * has left and was not known). Changed hosts are confirmed nowhere.
 */
int registry_apply(struct registry *registry, const struct event *event, uint64_t now_ns,
		   struct host **ret_host);

/* A host that is away and that no event has named since the start. NULL: no memory. */
struct host *registry_adopt(struct registry *registry, struct in_addr identity,
			    uint32_t generation);

struct host *registry_find(const struct registry *registry, struct in_addr identity, bool plain);

/* A gateway's answer to the rule of that generation; error 0: confirmed. */
void registry_confirm(struct registry *registry, struct host *host, uint32_t gateway,
		      uint32_t generation, uint8_t error, uint64_t bound_at_ns, uint64_t now_ns);

/* A gateway's state is unknown: nothing is confirmed there. */
void registry_forget_gateway(struct registry *registry, uint32_t gateway);

/* Between the two, hosts are named by events; the others are gone (see registry_next_gone). */
void registry_snapshot_begin(struct registry *registry);
void registry_snapshot_end(struct registry *registry);

/* After a snapshot: marks the host as left if it was not named; true if it did. */
bool registry_drop_unnamed(struct registry *registry, struct host *host, uint64_t now_ns);

static inline bool host_is_pending(const struct registry *registry, const struct host *host)
{
	return (host->confirmed & registry->gateways) != registry->gateways;
}

/* The generation gateways are told. */
static inline uint32_t host_rule(const struct host *host)
{
	return host->generation + host->shift;
}

static inline bool host_has_left(const struct host *host)
{
	return !host->actual.s_addr;
}

/* It has no sessions in other domains, and no tickets for them. */
static inline bool host_shares(const struct host *host)
{
	return mnat_is_sharing_identity(ntohl(host->key.identity.s_addr));
}

/* While held, a host stays; one that has left everywhere goes with the last put. */
static inline struct host *host_hold(struct host *host)
{
	host->refs++;
	return host;
}

void host_put(struct registry *registry, struct host *host);
void registry_free(struct registry *registry);

#endif
