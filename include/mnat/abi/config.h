/* SPDX-License-Identifier: GPL-2.0-only */
/* A part of mnat/abi.h, which includes it in its place. Load-time configuration. */
#ifndef MNAT_ABI_CONFIG_H
#define MNAT_ABI_CONFIG_H

/* ---- Gateway: load-time configuration (rodata "cfg") ------------------------ */

#define MNAT_MAX_INSIDE 16
#define MNAT_MAX_VIRTUAL 4
#define MNAT_MAX_EXTERNAL_RANGES 16

struct mnat_prefix {
	__u32 first; /* host order */
	__u32 last;
	__u32 base; /* index of first in "actuals" */
};

/* External addresses, each with the same ports. Below the line: as mnat_lay_out() finds. */
struct mnat_external {
	__u32 first; /* host order */
	__u32 last;
	__u32 port_first;
	__u32 port_last;
	/* ---- */
	__u32 n_blocks;	  /* of one address */
	__u32 block_base; /* index of the first one's first block */
	__u32 n_low;	  /* of an address's, below MNAT_CLASS_PORTS; 0: there is one class only */
};

struct mnat_gateway_config {
	struct mnat_prefix inside[MNAT_MAX_INSIDE];
	__u32 n_inside;
	__u32 n_actuals;
	struct mnat_external external[MNAT_MAX_EXTERNAL_RANGES];
	__u32 n_external; /* ranges */
	__u32 block_shift;
	__u32 n_blocks;	  /* of all addresses */
	__u32 step;	  /* blocks from one host's place to the next one's: an address's fewest */
	__u32 classes;	  /* 1: some address has ports of both classes */
	__u32 max_blocks; /* a host's */
	__u32 max_host_sessions;
	__u32 hold_down;  /* seconds */
	__u32 arbitrary;  /* 1: blocks of other addresses, too, when the host's has none */
	__u32 fixed;	  /* blocks each host has by formula (RFC 7422), 0: as it needs them */
	__u32 accounting;
	__u32 plain_hosts; /* 1: addresses without a lease get ordinary NAT */
	__be32 tunnel_addr; /* our end of tunnels: the first external address by default */
	__u32 max_anchors;
	__u32 filtering; /* enum mnat_filtering */
	struct mnat_prefix virtuals[MNAT_MAX_VIRTUAL]; /* base is not used */
	__u32 n_virtual;
	__u32 timeouts[MNAT_N_STATES]; /* seconds idle */
	__u32 n_buckets;    /* of the table of sessions */
	__u64 session_seed; /* ... chosen when its maps are made */
};

#endif
