/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of mnat/abi.h, which includes it in its place. What is counted, and as what. */
#ifndef MNAT_ABI_COUNTERS_H
#define MNAT_ABI_COUNTERS_H

/* ---- Counters ------------------------------------------------------------
 *
 * Every way out of a program is counted under exactly one of these; EVENT
 * rows are counted besides. X(NAME, class, text). mnatctl prints the lower-case
 * NAME and the text; the number is the position.
 *
 *   FORWARD  translated and sent on      STACK  handed to the kernel untouched
 *   DROP     dropped                     EVENT  something worth counting happened
 */
#define MNAT_COUNTERS(X)                                                                       \
	/* gateway */                                                                          \
	X(OUT_TRANSLATED, FORWARD, "inside to outside, translated")                            \
	X(IN_TRANSLATED, FORWARD, "outside to inside, translated")                             \
	X(OTHER_MACHINE, STACK, "Ethernet frame for another machine, the kernel drops it")     \
	X(NOT_IPV4, STACK, "ARP, IPv6 and other ethertypes")                                   \
	X(TO_GATEWAY, STACK, "addressed to the gateway itself, broadcast or multicast")        \
	X(INTRA_DOMAIN, STACK, "from inside to inside, routed by the kernel")                  \
	X(INTRA_TRANSLATED, FORWARD, "from inside to inside, virtual addresses for actual")    \
	X(HAIRPINNED, FORWARD, "from inside to an external port of an inside host")            \
	X(NO_BINDING, STACK, "from outside to an external port no host holds")                 \
	X(OTHER_ADDRESS, STACK, "from outside to an address that is not an external one")      \
	X(TTL_EXPIRED, STACK, "TTL ran out, the kernel answers with ICMP 11")                  \
	X(TTL_EXPIRED_IN, DROP, "TTL ran out on the way in")                                   \
	X(INSIDE_FROM_OUTSIDE, DROP, "from outside straight to an inside address")             \
	X(NO_ROUTE_IN, DROP, "no route to where the host is")                                  \
	X(TUNNEL_OUT, FORWARD, "from a visiting host to the anchor of its session")             \
	X(TUNNEL_IN, FORWARD, "from an anchor to a visiting host")                             \
	X(FORWARDED_AWAY, FORWARD, "to a host behind a tunnel, elsewhere or here")              \
	X(FORWARDED_PORT, FORWARD, "from outside to a host elsewhere, to its session's port")  \
	X(RELAY_IN, FORWARD, "from an anchor to a visiting host, by its session's port here")  \
	X(RELAY_UNKNOWN, DROP, "to a visiting host's port, not from its session's other end")  \
	X(FROM_VISITED, FORWARD, "from a host that visits elsewhere, sent on")                 \
	X(DIRECT_OUT, FORWARD, "from a visiting host straight out, as its anchor")             \
	X(TUNNEL_UNKNOWN, DROP, "tunnel packet of no known peer and host")                     \
	X(TUNNEL_MALFORMED, DROP, "tunnel packet without a good inner packet")                 \
	X(ICMP_ERROR_OUT, FORWARD, "ICMP error to outside, outer and inner translated")        \
	X(ICMP_ERROR_IN, FORWARD, "ICMP error to a host, outer and inner translated")          \
	X(ICMP_ERROR_UNKNOWN, STACK, "ICMP error about no session of a host")                  \
	X(TUNNEL_NARROW, FORWARD, "ICMP 3/4 about a tunnel of ours, told to the sender inside") \
	X(ICMP_ERROR_FRAGMENT, DROP, "ICMP error about a later fragment, whose first one is not known") \
	X(TOO_BIG_TOLD, FORWARD, "larger than the next link, its sender told by ICMP 3/4")     \
	X(TOO_BIG_SPLIT, FORWARD, "larger than the next link, fragmented, each piece sent round") \
	X(SHORT_PACKET, DROP, "truncated, or lengths that contradict each other")              \
	X(BAD_HEADER, DROP, "IP version, header length or TCP offset is impossible")           \
	X(FRAGMENT_HELD, FORWARD, "later fragment before its first one, held for it")          \
	X(FRAGMENT_AGAIN, FORWARD, "first fragment, sent round again with those held for it")  \
	X(FRAGMENT_FULL, DROP, "later fragment before its first one, no room to hold it")      \
	X(FRAGMENT_REFUSED, DROP, "later fragment of a packet that was refused")               \
	X(FRAGMENT_STACK, STACK, "later fragment of a packet that was the kernel's")           \
	X(FRAGMENT_TINY, DROP, "first fragment without the whole transport header")            \
	X(FRAGMENT_OVERLAP, DROP, "later fragment over bytes of the first one")                \
	X(FRAGMENT_BAD, DROP, "fragment of an impossible length or offset")                    \
	X(ICMP_UNSUPPORTED, DROP, "ICMP other than echo, not yet translated")                  \
	X(PROTO_UNSUPPORTED, DROP, "IP protocol that has no ports to translate")               \
	X(AH, DROP, "AH: it authenticates the addresses, no NAT can carry it")                 \
	X(PEER_TAKEN, DROP, "ESP, GRE, IPIP or SCTP: another host has that flow with that peer") \
	X(MARTIAN, DROP, "from outside, with a source that is ours, inside or no unicast address") \
	X(VLAN, STACK, "VLAN tag: for the VLAN's own interface")                               \
	X(NO_HOST, DROP, "source address belongs to no host of this domain")                   \
	X(NO_VIRTUAL, DROP, "to a virtual address that no host has")                           \
	X(SHARED_IN_DOMAIN, DROP, "inside the domain, to or from a virtual address that hosts share") \
	X(HOST_GONE, DROP, "host has left, its grace period is over")                          \
	X(OLD_ACTUAL, DROP, "source is an old actual address after its grace period")          \
	X(FILTERED, DROP, "from outside, from where the inside endpoint has not sent to")      \
	X(SYN_UNSOLICITED, DROP, "SYN to a port nobody holds, answered after six seconds")     \
	X(NO_SESSION, DROP, "of no session, and may not begin one")                            \
	X(PORTS_EXHAUSTED, DROP, "no free block of external ports within the bounded search")  \
	X(PORTS_QUOTA, DROP, "host has as many external ports as it may have")                 \
	X(SESSIONS_QUOTA, DROP, "host has as many sessions as it may have")                    \
	X(SESSIONS_FULL, DROP, "session table is full")                                        \
	X(BINDINGS_FULL, DROP, "binding table is full")                                        \
	X(BINDING_DYING, DROP, "binding was just being freed, the sender will repeat")          \
	X(NO_ROUTE, STACK, "no route, the kernel answers with ICMP 3")                         \
	X(FORWARDING_OFF, DROP, "forwarding is off on the interface")                          \
	X(TOO_BIG, DROP, "larger than the MTU of the next link")                               \
	X(UNTRANSLATED, DROP, "inside source about to leave on the outside, stopped")          \
	X(INTERNAL, DROP, "a kernel helper failed")                                            \
	X(HOST_TUNNEL_OUT, EVENT, "packets of hosts of this domain that came by tunnel")       \
	X(SESSION_NEW, EVENT, "sessions created")                                              \
	X(BINDING_NEW, EVENT, "bindings (external ports) taken")                               \
	X(CREATE_RACE, EVENT, "two CPUs created one flow, the second adopted the first's")     \
	X(SESSION_SWEPT, EVENT, "sessions expired and removed")                                \
	X(BINDING_FREED, EVENT, "bindings (external ports) released")                          \
	X(CARRIED_NEW, EVENT, "flows of ESP, GRE, IPIP and SCTP begun")                        \
	X(SYN_UNTOLD, EVENT, "unsolicited SYNs that get no answer: too many at once")          \
	X(PROHIBITED_TOLD, EVENT, "no session could be made, the sender told by ICMP 3/13")    \
	X(FRAGMENT_RELEASED, EVENT, "held fragments sent after their first one")               \
	X(FRAGMENT_EXPIRED, EVENT, "held fragments dropped, their first one never came")       \
	X(BLOCK_TAKEN, EVENT, "blocks of external ports taken by a host")                      \
	X(BLOCK_FREED, EVENT, "blocks of external ports released by their host")               \
	X(LOG_LOST, EVENT, "events that found no room in the ring to the log")                 \
	/* node */                                                                             \
	X(NODE_OUT, FORWARD, "virtual to actual, sent on the uplink")                          \
	X(NODE_IN, FORWARD, "actual to virtual, given to the stack")                           \
	X(NODE_IN_OLD, FORWARD, "to the previous actual address within its grace, accepted")   \
	X(NODE_DIRECT, FORWARD, "inside the domain, sent with the virtual address")            \
	X(NODE_TUNNEL_OUT, FORWARD, "by tunnel, to the gateway or the session's home gateway") \
	X(NODE_TUNNEL_IN, FORWARD, "by tunnel, from the gateway or the session's home gateway") \
	X(NODE_TUNNEL_ERROR, FORWARD, "ICMP error about a tunnel packet, told to the stack")   \
	X(NODE_GROUP_IN, FORWARD, "broadcast or multicast, given to the stack")                \
	X(NODE_PASS, STACK, "passed as it is: passthrough mode or not for the shim")           \
	X(NODE_DHCP, STACK, "DHCP, left to the client daemon")                                 \
	X(NODE_REBIND, STACK, "a manager's answer to a rebind, left to the client daemon")     \
	X(NODE_VLAN, STACK, "VLAN tag: another network on the same wire")                      \
	X(NODE_DHCP_STACK, STACK, "the stack's own DHCP, handed to the client daemon")         \
	X(NODE_NOT_IPV4, DROP, "other ethertype on mnat0, has no translation")                 \
	X(NODE_NO_LINK, DROP, "no uplink is configured yet")                                   \
	X(NODE_NO_GATEWAY, DROP, "the gateway's MAC address is not known yet")                 \
	X(NODE_NOT_OURS, STACK, "to an address that is not this node's")                       \
	X(NODE_SOURCE, DROP, "source on mnat0 is not the virtual address")                     \
	X(ARP_GATEWAY, FORWARD, "ARP for the gateway answered from the cache")                 \
	X(ARP_OFF_LINK, FORWARD, "ARP for an off-link address answered with the gateway's")    \
	X(ARP_ON_LINK, FORWARD, "ARP for an on-link neighbour sent with the actual address")   \
	X(ARP_ANSWERED, FORWARD, "ARP request for the actual address answered")                \
	X(ARP_TO_STACK, FORWARD, "ARP reply of a neighbour given to the stack")                \
	X(ARP_LEARNED, FORWARD, "ARP reply of the gateway, MAC address learnt")                \
	X(ARP_TO_DAEMON, STACK, "ARP reply to another address, left to the client daemon")     \
	X(ARP_REPLY_OUT, DROP, "ARP reply of the stack, stopped")                              \
	X(ARP_OTHER, DROP, "ARP for someone else")                                             \
	X(ARP_MALFORMED, DROP, "ARP that is not Ethernet and IPv4")                            \
	X(ARP_UNSOLICITED, DROP, "ARP claiming to be the gateway, nobody asked")

enum mnat_counter_class {
	MNAT_CLASS_FORWARD,
	MNAT_CLASS_STACK,
	MNAT_CLASS_DROP,
	MNAT_CLASS_EVENT,
};

enum mnat_counter_id {
#define X(name, class, text) MNAT_C_##name,
	MNAT_COUNTERS(X)
#undef X
	MNAT_N_COUNTERS,
};

/* Map "counters", PERCPU_ARRAY[MNAT_N_COUNTERS]. Both roles have one. */
struct mnat_counter {
	__u64 packets;
	__u64 bytes;
};

/*
 * Map "port_tries", PERCPU_ARRAY[8] of __u64: how many probes finding a free
 * external port in its block took. Bucket i counts searches of 2^i .. 2^(i+1)-1 probes.
 */
#define MNAT_TRIES_BUCKETS 8

#endif
