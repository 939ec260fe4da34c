/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gateway.conf and node.conf: each is read by two programs (mnat-load and the
 * role's daemon), so both are parsed here. The sections of dhcpd.conf and mmd.conf
 * are their daemons' own.
 */
#ifndef MNAT_ROLE_CONF_H
#define MNAT_ROLE_CONF_H

#include <confuse.h>
#include <net/if.h>
#include <stdbool.h>

#include "mnat/abi.h"
#include "mnat/addr.h"

#define MNAT_MAX_INTERFACES 32
#define MNAT_PATH_MAX 256
#define MNAT_MAX_ACTUALS (1 << 22) /* inside addresses: 8 bytes each, 3 times */
#define MNAT_MAX_EXTERNAL 256	   /* external addresses: 48 bytes a port */
#define MNAT_MIN_BLOCK 4	   /* ports */

#define MNAT_MAX_MANAGERS 16

/* midcom { ... }: managers that are not on this machine. */
struct mnat_midcom_conf {
	char listen[MNAT_PATH_MAX]; /* "address:port"; "": the Unix socket only */
	char ca[MNAT_PATH_MAX];
	char cert[MNAT_PATH_MAX];
	char key[MNAT_PATH_MAX];
	char crl[MNAT_PATH_MAX];    /* "": none */
	char peers[MNAT_MAX_MANAGERS][MNAT_PATH_MAX]; /* names their certificates bear */
	unsigned int n_peers;
};

#define MNAT_MAX_FORWARDS 256

/* forward "NAME" { ... }: an external port that is always a host's. */
struct mnat_forward {
	char name[32];
	enum mnat_proto_class proto;
	uint32_t address; /* external; host order */
	uint16_t port;
	__be32 host; /* its virtual address, or a plain host's own */
	__be16 host_port;
};

/* mode = "auto" | "tc" | "xdp": which hooks the gateway works on. */
enum mnat_gateway_mode { MNAT_GATEWAY_AUTO, MNAT_GATEWAY_TC, MNAT_GATEWAY_XDP };

struct mnat_gateway_conf {
	enum mnat_gateway_mode mode;
	char pin[MNAT_PATH_MAX];     /* pin = "/sys/fs/bpf/mobilenat/gateway" */
	char run_dir[MNAT_PATH_MAX]; /* run-dir = "/run/mobilenat" */
	char inside_if[MNAT_MAX_INTERFACES][IF_NAMESIZE];
	char outside_if[MNAT_MAX_INTERFACES][IF_NAMESIZE];
	int n_inside_if;
	int n_outside_if;
	unsigned int max_hosts;	   /* mobile nodes */
	unsigned int max_sessions;
	unsigned int log_days;	   /* how long who had which ports is kept; 0: not logged */
	char log_file[MNAT_PATH_MAX];
	unsigned int max_anchors;    /* visiting hosts times the domains they have sessions in */
	unsigned int sweep_interval; /* seconds */
	unsigned int grace;	     /* seconds an old actual address stays accepted */
	struct mnat_midcom_conf midcom;
	struct mnat_forward forwards[MNAT_MAX_FORWARDS];
	unsigned int n_forwards;
	struct mnat_gateway_config bpf; /* prefixes, external pool, timeouts */
};

/* uplink "NAME" { ... } */
struct mnat_uplink_conf {
	unsigned int priority;	      /* the position in uplinks, 0 preferred, if not set */
	char signal[MNAT_PATH_MAX];   /* a file; "": nl80211 */
};

struct mnat_node_conf {
	char pin[MNAT_PATH_MAX];
	char run_dir[MNAT_PATH_MAX];
	char state_file[MNAT_PATH_MAX]; /* state = "/var/lib/mobilenat/mnatc.json" */
	char managers[MNAT_PATH_MAX];	/* network-managers = "/run"; "": are not told */
	char device[IF_NAMESIZE];	/* device = "mnat0" */
	char uplink[MNAT_MAX_INTERFACES][IF_NAMESIZE]; /* the first has priority */
	int n_uplink;
	struct mnat_uplink_conf uplink_conf[MNAT_MAX_INTERFACES];
	int signal_weak;   /* signal-weak = -78, dBm */
	int signal_margin; /* signal-margin = 6, dB */
	bool path_check;   /* watch for gateways that fall silent */
	struct in_addr virt_gateway; /* virtual-gateway = "10.0.0.1" */
	struct in_addr virt_mask;    /* virtual-mask = "255.0.0.0" */
	unsigned int enterprise;     /* of option 125 */
	unsigned int seed_option;    /* 0: do not send the seed's own form */
	char form[8];		     /* shim-option = "vivso" | "seed" | "both" */
	bool conflict_check;	     /* probe for others that use our address */
	bool rapid_commit;	     /* ask for a lease in two messages (RFC 4039) */
	char client_id[64];	     /* optional; default: from the uplink's MAC */
	/* do we authenticate, and must the server? */
	enum mnat_node_auth { MNAT_AUTH_OFF, MNAT_AUTH_ALLOW, MNAT_AUTH_REQUIRE } auth;
	bool auth_rfc3118;   /* auth-protocol = "mobilenat" | "rfc3118" */
	unsigned int auth_id; /* number of our key */
	char auth_key_file[MNAT_PATH_MAX];
	bool default_route;	     /* put a default route through the device */
	unsigned int old_grace_ms;
	/* where nobody speaks MobileNAT: sessions are kept, ended by RST, or left to die */
	enum mnat_public { MNAT_PUBLIC_KEEP, MNAT_PUBLIC_RESET, MNAT_PUBLIC_NEVER } public_space;
	enum mnat_dns {
		MNAT_DNS_AUTO,
		MNAT_DNS_RESOLVED,
		MNAT_DNS_RESOLVCONF,
		MNAT_DNS_FILE,
		MNAT_DNS_NONE,
	} dns;
	char resolv_conf[MNAT_PATH_MAX];
	bool stack_dhcp; /* the stack gets its address by DHCP on the device, not by netlink */
	uint8_t mode;	 /* enum dhcp_mnat_mode: what the domain is asked for */
	struct mnat_net direct[MNAT_MAX_DIRECT]; /* intra = "direct": intra-prefixes */
	unsigned int n_direct;
	unsigned int direct_domain; /* the domain they are in */
	bool tunnel_out; /* in tunnel mode the way out is by tunnel too */
	bool release; /* older virtual addresses, when their last socket is gone */
};

/* A validator, as those of conf.h. */
int mnat_conf_is_interfaces(cfg_t *cfg, cfg_opt_t *opt);

/*
 * Copy a setting out of a section; 0, or -EINVAL with the error printed if it is too
 * long, or is not 1 to MNAT_MAX_INTERFACES interface names.
 */
int mnat_conf_copy_text(cfg_t *cfg, const char *option, char *out, size_t size);
int mnat_conf_copy_interfaces(cfg_t *cfg, const char *option, char out[][IF_NAMESIZE],
			      int *ret_n);

/* enum mnat_gateway_mode, or -EINVAL. */
int mnat_gateway_mode(const char *text);

/* 0, or -errno with the error printed as FILE:LINE: ... */
int mnat_gateway_conf_load(const char *path, struct mnat_gateway_conf *ret_conf);
int mnat_node_conf_load(const char *path, struct mnat_node_conf *ret_conf);

#endif
