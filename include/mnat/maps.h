/* SPDX-License-Identifier: GPL-2.0-only */
/* Pinned BPF maps, as the daemons that read or write them open them. */
#ifndef MNAT_MAPS_H
#define MNAT_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "mnat/abi.h"

#define MNAT_PIN_GATEWAY "/sys/fs/bpf/mobilenat/gateway"
#define MNAT_PIN_NODE "/sys/fs/bpf/mobilenat/node"

/* Our place among the filters of a clsact hook. */
#define MNAT_TC_HANDLE	 1
#define MNAT_TC_PRIORITY 49

/*
 * The gateway's maps. hosts, actuals, bindings, blocks, use, sessions, session_tags and
 * route_state are the maps' own memory: a store there is what the datapath sees next. All
 * are valid until mnat_gateway_close().
 */
struct mnat_gateway {
	volatile uint64_t *hosts;
	volatile uint64_t *actuals;
	struct mnat_binding *bindings; /* atomic operations only, as in the next two */
	struct mnat_block *blocks;
	struct mnat_host_use *use; /* n_hosts */
	struct mnat_session_slot *sessions; /* by the functions below */
	uint64_t *session_tags;
	volatile uint64_t *route_state;
	uint32_t n_hosts;
	uint32_t n_actuals;
	uint32_t n_bindings;
	uint32_t n_blocks;
	uint32_t max_bindings; /* that the bib has room for */
	uint32_t n_buckets; /* of sessions */
	uint32_t max_sessions; /* that are sure to find room */
	uint32_t n_anchors; /* slots; 0 is none */
	int host_info_fd;
	int virtuals_fd;
	int bindings_fd;
	int bib_fd;
	int traffic_fd;
	int events_fd;
	int events_lost_fd;
	int anchors_fd;
	int defaults_fd;
	int elsewhere_fd;
	int relays_fd;
	int arrivals_fd;
	int counters_fd;
	int port_tries_fd;
	int syns_fd;
	int carried_fd;
	int sweep_fd; /* program gw_sweep */
	int lock_fd;
	uint32_t hosts_id; /* of the map "hosts" */
	struct mnat_gateway_config config; /* of the program in force */
};

/*
 * The table of sessions (session_table.h). mnat_session_get: false: there is none.
 * add: 0, -EEXIST, -EBUSY: a packet is making it in this moment, or -ENOSPC.
 * change, remove: 0 or -ENOENT.
 */
bool mnat_session_get(const struct mnat_gateway *gateway, const struct mnat_session_key *key,
		      struct mnat_session *ret_session);
int mnat_session_add(const struct mnat_gateway *gateway, const struct mnat_session_key *key,
		     const struct mnat_session *session);
int mnat_session_change(const struct mnat_gateway *gateway, const struct mnat_session_key *key,
			const struct mnat_session *session);
int mnat_session_remove(const struct mnat_gateway *gateway, const struct mnat_session_key *key);

/*
 * Read sessions from a bucket on, whole buckets, into room for at least
 * MNAT_BUCKET_SLOTS: how many. *bucket becomes the next; n_buckets or more: these were the last.
 */
uint32_t mnat_sessions_read(const struct mnat_gateway *gateway, uint32_t *bucket,
			    struct mnat_session_key *ret_keys, struct mnat_session *ret_sessions,
			    uint32_t room);

/* Free what a writer that was killed had half put there. No other may be writing. */
void mnat_sessions_repair(const struct mnat_gateway *gateway);

/* The node's maps. */
struct mnat_node {
	int shim_fd;
	int active_fd;
	int homes_fd;
	int counters_fd;
	int tcp_fd; /* program node_tcp, an iterator */
	int lock_fd;
};

/*
 * Open what mnat-load pinned under dir. -ENOENT: nothing is loaded; -EPROTO: maps
 * of another ABI version; -EBUSY: another process has them open, and there is one writer
 * only; the error is printed with what to do.
 */
int mnat_gateway_open(const char *dir, struct mnat_gateway *ret_gateway);
void mnat_gateway_close(struct mnat_gateway *gateway);

/*
 * Does dir still hold these maps? -ENOENT: they were unloaded; -ESTALE: loaded anew,
 * so that writing to these reaches no packet any more. Nothing is printed.
 */
int mnat_gateway_check(const char *dir, const struct mnat_gateway *gateway);

/* Take the sweep program in force: mnat-load may have replaced it in place. As above. */
int mnat_gateway_refresh(const char *dir, struct mnat_gateway *gateway);

int mnat_node_open(const char *dir, struct mnat_node *ret_node);
void mnat_node_close(struct mnat_node *node);

/* Sum a per-CPU counter map into ret_counters[MNAT_N_COUNTERS]. 0 or -errno. */
int mnat_counters_read(int fd, struct mnat_counter *ret_counters);

/*
 * Answer rows of "dump counters" from that map: those of the role, and any other
 * that is not zero. The caller ends the answer. 0 or -errno.
 */
struct mnat_control_client;
int mnat_counters_dump(struct mnat_control_client *client, int fd, enum mnat_role role);

const char *mnat_counter_name(enum mnat_counter_id id); /* lower case */
const char *mnat_counter_text(enum mnat_counter_id id);
enum mnat_counter_class mnat_counter_class(enum mnat_counter_id id);

/* Index of an inside address (host order) in "actuals", or -1. */
int64_t mnat_actual_index(const struct mnat_gateway_config *config, uint32_t addr);

/* The inside address (host order) of an index below n_actuals. */
uint32_t mnat_actual_address(const struct mnat_gateway_config *config, uint32_t index);

/* Number the blocks of the ranges, whose addresses and ports are set, as is block_shift. */
void mnat_lay_out(struct mnat_gateway_config *config);

/* Entries of map "bindings". */
uint32_t mnat_bindings_size(const struct mnat_gateway_config *config);

/* Ports of a block. */
struct mnat_ports {
	uint32_t addr;	/* host order */
	uint16_t first;
	uint32_t n;
};

/* The external endpoints of a block. */
void mnat_block_endpoints(const struct mnat_gateway_config *config, uint32_t block,
			  struct mnat_ports *ret_ports);

#endif
