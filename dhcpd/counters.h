/* SPDX-License-Identifier: GPL-2.0-only */
/* What the server counts: every message in and out, every reason not to answer. */
#ifndef DHCPD_COUNTERS_H
#define DHCPD_COUNTERS_H

#include "mnat/dhcp.h"

#define COUNTERS(X)                                                                                \
	X(DROP, not_our_interface, "arrived on an interface that is not configured")               \
	X(DROP, unknown_subnet, "relay or link is in no configured subnet")                        \
	X(DROP, client_id_long, "client identifier longer than 255 bytes")                         \
	X(DROP, relay_refused, "relay that may not relay here: not in relays = {...}")             \
	X(DROP, limit_circuit, "limits: circuit: as many clients behind it as may be")             \
	X(DROP, limit_link, "limits: link: as many clients on it as may be")                       \
	X(DROP, limit_mac, "limits: mac: as many client identifiers as may be")                    \
	X(DROP, pool_empty, "no free address in the subnet's pool")                                \
	X(DROP, ignored_no_lease, "REQUEST of a client we know no lease of")                       \
	X(DROP, ignored_other_server, "REQUEST that chose another server")                         \
	X(DROP, auth_missing, "not authenticated: by policy, or a client that has been before")    \
	X(DROP, auth_malformed, "authentication of an unknown protocol, or incomplete")            \
	X(DROP, auth_unknown_key, "authenticated by a key that is not the client's")               \
	X(DROP, auth_bad_mac, "authenticated by a wrong secret, or changed on its way")            \
	X(DROP, auth_replay, "authenticated, but not newer than the client's last message")        \
	X(DROP, auth_full, "no room for another authenticated client")                             \
	X(DROP, not_holder, "RELEASE or DECLINE of an address its sender does not hold")           \
	X(DROP, inform_no_address, "INFORM without the client's address")                          \
	X(DROP, reply_too_big, "answer does not fit the client's or relay's message size")         \
	X(DROP, no_memory, "no memory for another lease")                                          \
	X(DROP, store_failed, "answer withheld: the lease could not be stored")                    \
	X(DROP, send_failed, "answer could not be sent")                                           \
	X(DROP, leasequery_refused, "leasequery of who may not ask, or for what is not kept")      \
	X(DROP, leasequery_malformed, "leasequery that is no query, or contradicts itself")        \
	X(DROP, leasequery_full, "leasequery connection closed: as many as may be")                \
	X(DROP, leasequery_slow, "leasequery connection closed: it was not read, or said nothing") \
	X(EVENT, leasequery_bulk, "bulk leasequery begun")                                         \
	X(EVENT, leasequery_active, "active leasequery begun")                                     \
	X(EVENT, leasequery_missing, "active leasequery told that it has missed something")        \
	X(EVENT, leasequery_told, "bindings told by leasequery")                                   \
	X(EVENT, in_discover, "DISCOVER received")                                                 \
	X(EVENT, in_request, "REQUEST received")                                                   \
	X(EVENT, in_decline, "DECLINE received")                                                   \
	X(EVENT, in_release, "RELEASE received")                                                   \
	X(EVENT, in_inform, "INFORM received")                                                     \
	X(EVENT, out_offer, "OFFER sent")                                                          \
	X(EVENT, out_ack, "ACK sent")                                                              \
	X(EVENT, out_nak, "NAK sent")                                                              \
	X(EVENT, out_forcerenew, "FORCERENEW sent")                                                \
	X(EVENT, nak_wrong_subnet, "NAK: the address is of another subnet")                        \
	X(EVENT, nak_wrong_address, "NAK: the client's lease is another address")                  \
	X(EVENT, nak_no_offer, "NAK: our offer is over")                                           \
	X(EVENT, nak_no_lease, "NAK: no lease is known")                                           \
	X(EVENT, rapid_commit, "DISCOVER answered by an ACK at once")                              \
	X(EVENT, reserved_busy, "reserved address not given: another client still holds it")       \
	X(EVENT, option_no_room, "option left out: no room in the client's message size")          \
	X(EVENT, virtual_pool_empty, "no free virtual address: served as a plain host")            \
	X(EVENT, share_refused, "no shared virtual address given: does not tunnel, or arrived") \
	X(EVENT, declined, "address put aside: another host uses it")                              \
	X(EVENT, probed, "offer held back while an echo request went to its address")                 \
	X(EVENT, probe_taken, "address put aside: it answered an echo request")                    \
	X(EVENT, probe_skipped, "address offered unprobed: too many at a time, or no route")       \
	X(EVENT, released, "lease given back")                                                     \
	X(EVENT, expired, "lease ran out")                                                         \
	X(EVENT, moved, "client bound to an address of another subnet")                            \
	X(EVENT, auth_proved, "message authenticated")                                             \
	X(EVENT, ack_timeouts, "ACK sent though the mobility manager had not answered in 50 ms")   \
	X(EVENT, ack_unreported, "ACK sent while the mobility manager was not there")              \
	X(EVENT, manager_refused, "batch of lease events refused by the mobility manager")         \
	X(EVENT, manager_ahead, "host of which the mobility manager knew something later")         \
	X(EVENT, arrived, "client arrived from another domain")                                    \
	X(EVENT, foreign_granted, "virtual address of another domain kept by its host")            \
	X(EVENT, foreign_taken, "virtual address of another domain not given: taken or unfit")     \
	X(EVENT, token_given, "token for other domains put into an ACK")                           \
	X(EVENT, token_no_room, "no room in the ACK for a token")                                  \
	X(EVENT, rebound, "host moved to an address it had before, by the manager's word")         \
	X(EVENT, virtual_renewed, "virtual address of an absent host kept for the manager")        \
	X(EVENT, virtual_released, "virtual address given back by the manager")                    \
	X(EVENT, imported, "lease taken over from another server's export")

/* The first are enum dhcp_error's: why a datagram is no DHCP message. */
enum counter {
	COUNTER_BASE = DHCP_N_ERRORS - 1,
#define X(class, name, text) COUNTER_##name,
	COUNTERS(X)
#undef X
	N_COUNTERS,
};

const char *counter_name(enum counter counter);
const char *counter_class(enum counter counter); /* "drop" or "event" */
const char *counter_text(enum counter counter);

enum counter counter_received(enum dhcp_type type);
enum counter counter_sent(enum dhcp_type type);

#endif
