/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hosts that change domains: what the manager does as the home of hosts that are away
 * (roam_home.c) and as the domain where others' hosts visit (roam_visit.c), which are
 * the same for all managers, and one host may be both at once.
 *
 * There is no I/O here. Events come in by the functions below, work goes out by struct
 * roam_ops, time is mnat_clock and ops->wall_s. Everything is idempotent: an operation is
 * repeated when the other side may have lost it, and what has been overtaken is told
 * by the counter of the arrival it belongs to.
 */
#ifndef MM_ROAM_H
#define MM_ROAM_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "mnat/dhcp.h"
#include "mnat/peering.h"
#include "state.h"
#include "ticket.h"

#define ROAM_MAX_PEERS 64
#define ROAM_RETRY_MS 1000	/* after BUSY */
#define ROAM_ANSWER_MS 5000	/* without an answer: asked again */
#define ROAM_IMPORT_MS 3000	/* unknown sessions are held for their anchor so long */
#define ROAM_RENEW_S 60
#define ROAM_SILENCE_S 3600	/* without a RENEW, a departed host is served so long */
#define ROAM_MAX_EXPORTS 16	/* at once, for one peer */
#define ROAM_PREFIXES 1024	/* of nodes in public space, told apart by hash */
#define ROAM_PREFIX_RATE 50	/* datagrams a second of one /24 */
#define ROAM_DATAGRAM_RATE 20000 /* of all: some 3 % of a processor */

#define ROAM_COUNTERS(X)                                                                       \
	X(ARRIVED, "hosts of ours believed to be in another domain")                           \
	X(ARRIVED_AGAIN, "arrivals repeated by a peer, answered as the first time")            \
	X(REFUSED_MALFORMED, "messages of a peer that lack what they need")                    \
	X(REFUSED_UNKNOWN, "questions of a peer about a host that is not there")               \
	X(REFUSED_TICKET, "arrivals with a ticket forged, expired or of another domain")       \
	X(REFUSED_PROOF, "arrivals without the node's proof")                                  \
	X(REFUSED_REPLAY, "arrivals not newer than the last")                                  \
	X(REFUSED_POLICY, "arrivals beyond what a peer or a host is allowed")                  \
	X(REFUSED_BUSY, "messages of a peer answered: not now")                                \
	X(DATAGRAMS_SILENT, "datagrams not worth an answer")                                   \
	X(DATAGRAMS_TOO_MANY, "datagrams beyond what a network may send, not looked at")       \
	X(CAME_HOME, "hosts that came home")                                                   \
	X(MOVED_ON, "hosts that went from one foreign domain to another")                      \
	X(ENDED, "departed hosts whose last session ended")                                    \
	X(SERVED_OUT, "departed hosts served as long as the limit allows")                     \
	X(SILENT, "departed hosts of which nothing was heard any more")                        \
	X(REVOKED, "hosts and peers revoked")                                                  \
	X(LEFT, "departed hosts that left the domain they visited")                            \
	X(FLOWS_EXPORTED, "sessions told to a visited domain")                                 \
	X(FLOWS_FORWARDED, "of them translated to a port at the visited gateway")              \
	X(RENEWED, "renewals by a visited domain")                                             \
	X(VISITS, "arrivals of hosts with sessions in another domain")                         \
	X(VISITS_NO_PEER, "of them from domains that are no peers of ours")                    \
	X(VISITS_TOO_MANY, "of them beyond the peer's max-visitors")                           \
	X(VISITS_REFUSED, "of them that their home did not confirm")                           \
	X(VISITS_LATE, "of them whose sessions did not come in time")                          \
	X(VISITS_ENDED, "visits their home has ended")                                         \
	X(FLOWS_IMPORTED, "sessions learned from a home domain")                               \
	X(FLOWS_TOO_MANY, "visits with more sessions than are taken")

enum roam_counter {
#define X(name, text) ROAM_C_##name,
	ROAM_COUNTERS(X)
#undef X
	ROAM_N_COUNTERS,
};

/* What somebody may still ask for now, in time it takes. */
struct roam_credit {
	uint64_t ns;
	uint64_t since_ns;
};

struct roam_peer {
	/* set by the caller */
	uint32_t domain;
	unsigned int max_visitors; /* theirs here, and ours there */
	unsigned int max_flows;	   /* of one visitor */
	unsigned int rate;	   /* requests a second */
	uint32_t serve_s;	   /* how long our hosts there are served; 0: no limit */
	bool direct;		   /* they may send as our gateway */
	bool translate;		   /* sessions by ports there, not by tunnel, if they do too */
	bool correspondent;	   /* ... from the correspondent's endpoint, not our gateway's */
	/* roam's own */
	bool up;
	bool revoked;	      /* nothing is asked or answered any more */
	uint32_t session;     /* counts connections */
	uint32_t transaction; /* of our last request */
	struct roam_credit credit;
	unsigned int exports;
	unsigned int visitors; /* theirs here */
	unsigned int ours;     /* ours there */
	uint64_t refused;
};

/* A request that waits for a gateway's sessions. */
struct roam_query {
	unsigned int peer;
	uint32_t session;
	uint32_t transaction;
	struct in_addr virt;
	struct in_addr gateway; /* of ours */
};

struct roam_location {
	bool away;		 /* in a tunnel to endpoint */
	struct in_addr endpoint;
	bool importing;
	bool one_way; /* it need not answer by the tunnel */
	uint32_t shift; /* added to the lease's generation */
};

/* What the registry knows of a host. */
struct roam_lease {
	uint32_t generation;
	uint32_t issued; /* generation of the last event that bound it: of its newest ticket */
};

/* A node here says by a sealed datagram that it is at an address it had before (REBIND). */
struct roam_rebind {
	struct in_addr virt;
	struct in_addr actual;
	uint32_t generation; /* of its ticket */
	uint32_t transaction;
	uint8_t key[PEERING_MAC_LEN]; /* to seal the answer with */
	struct sockaddr_in from;
};

struct roam_ops {
	uint64_t (*wall_s)(void *user);
	/* -ENOTCONN: the peer is not there. */
	int (*send)(unsigned int peer, const struct peering_message *message, void *user);
	/* The host's rule at the gateways has changed: as what follows, at all of them. */
	void (*locate)(struct in_addr identity, const struct roam_location *location,
		       uint32_t generation, void *user);
	/* HANC and HARR; gateway is another domain's. */
	void (*anchor)(struct in_addr identity, struct in_addr gateway, struct in_addr virt,
		       uint32_t flags, void *user);
	void (*arrival)(struct in_addr identity, struct in_addr gateway, struct in_addr virt,
			uint32_t flags, void *user);
	/* FEXP: roam_exported() follows. -ENOTCONN: the gateway is not there. */
	int (*export_flows)(const struct roam_query *query, uint64_t cursor, void *user);
	/* FIMP; flows are copied. */
	void (*import_flows)(struct in_addr identity, struct in_addr gateway, struct in_addr virt,
			     const struct simco_flow *flows, uint32_t n, void *user);
	/* FREL of the anchor: roam_relayed() follows, or the query is made again. */
	void (*relay_flows)(const struct roam_query *query, struct in_addr identity,
			    struct in_addr gateway, uint64_t cursor, void *user);
	/* HFWD: roam_forwarded() follows. -ENOTCONN: the gateway is not there. */
	int (*forward_flows)(const struct roam_query *query, struct in_addr endpoint,
			     uint32_t flags, const struct simco_flow *flows, uint32_t n,
			     void *user);
	/* To the DHCP server. seconds 0: release. */
	void (*keep)(struct in_addr virt, uint32_t seconds, void *user);
	/* 0, -ENOENT: no such host, -EAGAIN: the DHCP server has not told all yet. */
	int (*lookup)(struct in_addr identity, struct roam_lease *ret_lease, void *user);
	/* The answer, if there is to be one, is sent by ops' owner. */
	void (*rebind)(const struct roam_rebind *rebind, void *user);
};

struct roam_home {
	struct home_record r;
	uint64_t heard_ns;
	uint32_t ended; /* a bit a gateway of ours: no session of it is anchored there */
	UT_hash_handle hh;
};

struct roam_visit_key {
	uint32_t domain;
	struct in_addr virt;
};

/* A request of ours to a peer. */
struct roam_question {
	uint32_t domain;
	uint32_t transaction;
};

struct roam_visit {
	struct roam_visit_key key;
	struct visit_record r;
	bool importing;
	uint64_t import_until_ns;
	uint32_t source;  /* which gateway there is being asked for its sessions */
	uint32_t fetched; /* a bit a gateway: it has told all */
	uint64_t cursor;
	uint64_t n_flows;
	uint64_t next_cursor; /* of the ports, when home has answered */
	uint32_t asked;	      /* counts questions for ports */
	unsigned int tries;
	struct roam_question pending; /* transaction 0: none */
	uint64_t next_ns;	      /* when to ask again */
	struct roam_visit *prev, *next; /* of the same guest */
	UT_hash_handle hh;
	UT_hash_handle hh_pending; /* while there is a question */
};

/* A host here with sessions elsewhere. */
struct roam_guest {
	struct in_addr identity;
	struct roam_visit *visits;
	UT_hash_handle hh;
};

struct roam {
	/* set by the caller; domain 0: no dealings with other domains */
	uint32_t domain;
	struct in_addr tunnel_addr;   /* of the first gateway */
	struct peering_others others; /* of the rest, in their order */
	uint32_t ticket_s; /* how long a ticket is good */
	uint32_t serve_s;  /* how long our hosts in public space are served; 0: no limit */
	struct secret secret;
	struct roam_peer peers[ROAM_MAX_PEERS];
	unsigned int n_peers;
	const struct roam_ops *ops;
	void *user;
	struct state *state;
	/* its own */
	struct roam_home *homes;
	struct roam_visit *visits;
	struct roam_visit *questions; /* the visits with a question, by that */
	struct roam_guest *guests;
	struct roam_credit datagrams;
	struct roam_credit prefixes[ROAM_PREFIXES];
	uint64_t counters[ROAM_N_COUNTERS];
};

/* Load what was known before; ops are called. 0 or -errno. */
int roam_start(struct roam *roam);
void roam_free(struct roam *roam);

/* ---- Hosts, as the DHCP server tells ---- */

/*
 * A lease is bound. Afterwards (when the gateways know the host) roam_announce() sends
 * anchors there and arrivals to the peers.
 */
void roam_bound(struct roam *roam, struct in_addr identity, uint32_t generation,
		const struct dhcp_mnat_arrival *arrivals, unsigned int n);
void roam_announce(struct roam *roam, struct in_addr identity);
void roam_gone(struct roam *roam, struct in_addr identity, uint32_t generation);

/* All leases are known: those who visited and have none any more have left. */
void roam_drop_absent(struct roam *roam);

/* Is it in another domain? */
bool roam_is_away(const struct roam *roam, struct in_addr identity);

/* What the host's next ACK shall carry. 0 or -errno. */
int roam_token(const struct roam *roam, struct in_addr identity, uint32_t generation,
	       struct dhcp_mnat_token *ret_token);

/* ---- Gateways ---- */

/*
 * A gateway is there. Before that, if its tables are empty now: the sessions of those
 * who visit here are to be fetched again, and its rule says so meanwhile.
 */
void roam_gateway_reset(struct roam *roam);
void roam_gateway_up(struct roam *roam);
/* All anchors and arrivals once more. */
void roam_tell_gateway(struct roam *roam);
void roam_exported(struct roam *roam, const struct roam_query *query, bool ok,
		   const struct simco_flow *flows, uint32_t n, uint64_t cursor);
/* HEND of a gateway: 0 the first, then those of roam->others. */
void roam_sessions_ended(struct roam *roam, struct in_addr identity, unsigned int gateway);
void roam_relayed(struct roam *roam, const struct roam_query *query, bool ok,
		  const struct simco_flow *flows, uint32_t n, uint64_t cursor);
void roam_forwarded(struct roam *roam, const struct roam_query *query, bool ok, uint32_t n);

/* ---- Peers ---- */

void roam_peer_up(struct roam *roam, unsigned int peer);
void roam_peer_down(struct roam *roam, unsigned int peer);
void roam_message(struct roam *roam, unsigned int peer, const struct peering_message *message);

/*
 * A datagram of a node in public space. Returns the length of the reply, 0: none.
 * reply: at least SIMCO_MAX_MESSAGE bytes.
 */
size_t roam_datagram(struct roam *roam, const uint8_t *buf, size_t len,
		     const struct sockaddr_in *source, uint8_t *reply);

/*
 * Whoever holds a ticket for that address has it no more; if the host is away, its service
 * ends. It gets another ticket when it comes back, or to another network here. -ENOENT: no
 * such host; -EAGAIN, -EIO.
 */
int roam_revoke_host(struct roam *roam, struct in_addr identity);
/*
 * Service for our hosts in that domain ends, and theirs have no sessions there any more,
 * until the next start. -ENOENT: no such peer.
 */
int roam_revoke_peer(struct roam *roam, uint32_t domain);

/* Do what is due; to be called about ten times a second. */
void roam_tick(struct roam *roam);

/* ---- Rows ---- */

const struct roam_home *roam_find_home(const struct roam *roam, struct in_addr identity);
const struct roam_guest *roam_find_guest(const struct roam *roam, struct in_addr identity);

#endif
