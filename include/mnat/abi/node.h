/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of mnat/abi.h, which includes it in its place. The node's shim. */
#ifndef MNAT_ABI_NODE_H
#define MNAT_ABI_NODE_H

/* ---- Node: the shim ---------------------------------------------------------
 *
 * Map "shim", ARRAY[MNAT_SHIM_SLOTS] of struct mnat_shim, and map "shim_active",
 * ARRAY[1] of __u32: the slot in force. mnatc fills the next slot, then flips the
 * index: the datapath sees the old state or the new one, never a mixture.
 */
#define MNAT_SHIM_SLOTS 4

enum mnat_shim_mode {
	MNAT_MODE_PASSTHRU = 0,
	MNAT_MODE_TRANSLATE = 1,
	/*
	 * Public space (figure 11): no gateway of ours there. Packets of the sessions in
	 * map "homes" go to their home gateway in IP-in-IP and come from there so; all
	 * others are translated as in MNAT_MODE_TRANSLATE.
	 */
	MNAT_MODE_PUBLIC = 2,
	/*
	 * Figure 3A: what the domain's gateway sends is in IP-in-IP, the virtual address
	 * inside. The way out is as in MNAT_MODE_TRANSLATE, or by tunnel too
	 * (tunnel_out; seed paragraph 56).
	 */
	MNAT_MODE_TUNNEL = 3,
};

/*
 * Map "homes", HASH: a session whose virtual address is not the preferred one, or
 * that is anchored elsewhere in public space -> that address and home gateway. Filled
 * by mnatc from the kernel's sockets when the node moves, and by the shim for packets
 * the stack sends from such an address. Remote 0 and port 0: an unconnected UDP socket.
 */
struct mnat_home_key {
	__be32 remote;
	__be16 port; /* local */
	__be16 remote_port;
	__u8 ip_proto;
	__u8 pad[3];
};

struct mnat_home {
	__be32 virt;
	__be32 gateway; /* 0: no tunnel, translate */
};

/*
 * A TCP connection of the node, as program "node_tcp" tells it, an iterator that mnatc reads
 * rows of this shape from: its sequence numbers (host order) and how its timer stands.
 */
struct mnat_tcp {
	__be32 local;
	__be32 remote;
	__be16 port; /* local */
	__be16 remote_port;
	__u32 snd_una; /* the oldest byte that was sent and not acknowledged */
	__u32 acked;   /* the next byte to come, as the peer was told last */
	__u8 backoff;  /* how often the retransmission timer was doubled; 0: it is not */
	__u8 receives; /* the peer may still send */
	__u8 pad[2];
	__u64 silence_ns; /* since a segment was sent or received */
};

/* intra = direct: to these addresses the virtual one stays the source (figure 9, route 901). */
#define MNAT_MAX_DIRECT 4

struct mnat_net {
	__be32 addr;
	__be32 mask;
};

struct mnat_shim {
	__u32 mode;
	__u32 generation;
	__be32 virt;
	__be32 actual;
	__be32 mask;		/* of the actual subnet */
	__be32 gateway;		/* router on the actual subnet */
	__be32 virt_gateway;	/* the gateway the stack believes in (10.0.0.1) */
	__u32 uplink;		/* ifindex; 0: none */
	__u32 device;		/* ifindex of mnat0 */
	__be32 old_actual;	/* still accepted ... */
	__u64 old_until_ns;	/* ... up to this CLOCK_BOOTTIME */
	__u64 gateway_mac;	/* first 6 bytes; 0: not known yet. One store, never torn */
	__u8 uplink_mac[6];
	__u8 device_mac[6];
	__u32 arp_pending;	/* mnatc has asked for the gateway; one reply is welcome */
	__u32 homes;		/* 1: map "homes" is in use */
	__be32 tunnel;		/* MNAT_MODE_TUNNEL: the gateway's end */
	__be32 virt_mask;	/* of the network the stack believes in (255.0.0.0) */
	__u8 tunnel_out;	/* MNAT_MODE_TUNNEL: 1: the way out is by tunnel too */
	__u8 consumer;		/* 1: a daemon takes DHCP, the stack's own too; 0: it passes */
	__u8 n_direct;
	__u8 pad;
	struct mnat_net direct[MNAT_MAX_DIRECT];
	__u64 first_out_ns;	/* CLOCK_BOOTTIME of the first packet under this slot */
	__u64 first_in_ns;
};

#endif
