/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DHCP server without its sockets: a datagram and where it came from go in, a
 * reply and changed leases come out. A caller handles a batch of datagrams, then
 * server_commit(), then tells the mobility manager s->events, then sends.
 */
#ifndef DHCPD_SERVER_H
#define DHCPD_SERVER_H

#include "auth.h"
#include "conf.h"
#include "counters.h"
#include "lease.h"

#define QUARANTINE_SECONDS 600 /* of a declined address */

/* Where a datagram came from. */
struct arrival {
	int ifindex;
	uint32_t local; /* the interface's own address, host order; 0: none */
	bool broadcast; /* it was not sent to an address of ours */
};

enum reply_to {
	REPLY_RELAY,	 /* UDP to giaddr, port 67 */
	REPLY_UNICAST,	 /* UDP to a client that has its address, port 68 */
	REPLY_BROADCAST, /* to 255.255.255.255, port 68, on the interface of arrival */
	REPLY_HARDWARE,	 /* a frame to chaddr: the client does not answer ARP yet */
};

struct reply {
	enum dhcp_type type;
	enum reply_to how;
	struct in_addr to;
	uint8_t mac[6];
	uint32_t probe;	    /* look whether this address is in use before it leaves; 0: none */
	uint32_t token_for; /* virtual address whose token belongs into this answer; 0: none */
	size_t room;	    /* bytes the client takes */
	uint64_t batch;	    /* of the events the manager must have before this leaves; 0: none */
	size_t len;
	uint8_t bytes[DHCP_MAX_MESSAGE];
};

/*
 * A change of where a host is, for the mobility manager. Identity: virt, or for a
 * plain host (virt 0) its actual address. actual 0: the host is gone from old.
 */
struct event {
	uint32_t virt;
	uint32_t shows; /* the virtual address it shares with others; 0: virt is its own */
	uint32_t actual;
	uint32_t old;
	uint32_t generation;
	bool tunnel; /* packets to actual go by tunnel */
	bool renewal; /* nothing has changed but the lease's end: not for the manager */
	struct lease_times times; /* of actual's lease */
	uint8_t mac[6];
	uint8_t circuit_len; /* of the relay's port or access point; 0: not known */
	uint8_t circuit[PLACE_CIRCUIT_MAX];
	uint8_t client_len;
	uint8_t client[MNAT_CLIENT_MAX];
	uint8_t n_arrivals;
	struct dhcp_mnat_arrival arrivals[DHCP_MNAT_MAX_ARRIVALS];
};

struct event_list {
	struct event *events;
	size_t n;
	size_t room;
};

struct server {
	const struct conf *conf;
	struct leases leases;
	struct auth auth;
	const struct mnat_store_ops *store_ops;
	struct mnat_store *store;
	int64_t (*wall)(void);
	uint64_t counters[N_COUNTERS];
	uint64_t batch;	      /* number of the batch being collected, from 1 */
	bool store_fails;     /* the last transaction did */
	uint32_t *storing;    /* addresses whose leases are under way to the disk */
	size_t n_storing;
	size_t room_storing;
	struct event *events; /* of this batch; the caller takes them */
	size_t n_events;
	size_t room_events;
};

/*
 * Load the leases in store. conf and store are borrowed. wall: seconds since 1970,
 * NULL for the system's. 0 or -errno, logged.
 */
int server_init(struct server *s, const struct conf *conf, const struct mnat_store_ops *ops,
		struct mnat_store *store, int64_t (*wall)(void));
void server_done(struct server *s);

/* Serve by another configuration; false: no memory, the old one stays. */
bool server_set_conf(struct server *s, const struct conf *conf);

/*
 * The virtual address by which a host of that identity is known to itself and in packets:
 * that, or the one it shares; 0: it shared one that nobody shares any more.
 */
uint32_t shown_address(const struct conf *conf, uint32_t identity);

/* What the manager was told of the client last; told.actual is not 0. */
struct event binding_told(const struct conf *conf, const struct client *client);

/* Is it a visit of our own domain's that an arrival proves? */
bool arrival_is_ours(const struct conf *conf, const struct dhcp_mnat_arrival *arrival);

/* Handle one datagram; true: *ret_reply is to be sent after server_commit(). */
bool server_handle(struct server *s, const struct arrival *arrival, const void *data, size_t len,
		   struct reply *ret_reply);

/*
 * What a manager says of a host that is away (control.h): its virtual address is kept
 * for `seconds` more, or is free. False: there is no such lease to keep, or it is in use.
 */
bool server_renew_virtual(struct server *s, uint32_t address, uint32_t seconds);
bool server_release_virtual(struct server *s, uint32_t address);

/*
 * What a manager says of a host that it knows to be here: it is at an actual address again
 * that it had before and that nobody else has had since (peering.h, REBIND). False: it is
 * not to be had.
 */
bool server_rebind(struct server *s, uint32_t virt, uint32_t actual);

/*
 * A manager knows something later of the host than it was told, of a generation before this
 * one. A host that is as it was loaded is where the manager says, for the database is older;
 * of one that has changed since it is to be told again. False: that was done meanwhile, or the
 * host is gone; true: there is something to store.
 */
bool server_catch_up(struct server *s, uint32_t identity, uint32_t generation);

/*
 * A FORCERENEW for the client, to be sent at once. False: it has no actual address, or has
 * not said since we started that it takes one.
 */
bool server_forcerenew(struct server *s, const struct client *client, struct reply *ret_reply);

/*
 * What came of looking at an address that is offered: if somebody is there it is put aside.
 * True: the offer holds and is to be sent.
 */
bool server_probed(struct server *s, uint32_t address, bool taken);

/* End what has run out, as much as is good at once. */
void server_expire(struct server *s);

/*
 * Store what has changed, in one transaction. 0: durable. -EINPROGRESS: the caller tells
 * server_stored() how it ended; what changes until then belongs to the next. Another
 * failure: nothing may be sent; the changes are kept and tried again with the next batch.
 */
int server_commit(struct server *s);
void server_stored(struct server *s, int result);

/* Take the batch's events, giving a list of no use any more for those to come; and back. */
void server_swap_events(struct server *s, struct event_list *list);
void server_unswap_events(struct server *s, struct event_list *list);

/* The events have been passed on: begin the next batch. */
void server_next_batch(struct server *s);

static inline void server_count(struct server *s, enum counter counter)
{
	s->counters[counter]++;
}

#endif
