/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mnat-load: the only program that loads, attaches, pins, replaces and detaches
 * BPF programs. A role (gateway, node) says which object, sizes and attachments;
 * everything else is common.
 */
#ifndef MNAT_LOAD_H
#define MNAT_LOAD_H

#include <bpf/libbpf.h>
#include <net/if.h>
#include <stdbool.h>

#include "mnat/role_conf.h"

/* One program on one hook of one interface. */
struct attachment {
	char ifname[IF_NAMESIZE];
	enum bpf_tc_attach_point point; /* BPF_TC_INGRESS or BPF_TC_EGRESS */
	const char *program;
};

#define LOAD_MAX_ATTACHMENTS (3 * MNAT_MAX_INTERFACES)

/* An interface that may get an XDP program above those of TC (xdp.h). */
struct xdp_port {
	char ifname[IF_NAMESIZE];
	const char *program;
	bool wanted;
	bool native; /* once attached; else generic */
};

#define LOAD_MAX_OBJECTS 2
#define LOAD_MODES_TEXT (2 * MNAT_MAX_INTERFACES * (IF_NAMESIZE + 12)) /* "eth0 native, ..." */

/* What a role wants loaded; owned by the caller of role->prepare(). */
struct plan {
	char pin[MNAT_PATH_MAX];
	/* opened, not loaded; owned by the role. Later ones use the first one's maps. */
	struct bpf_object *objects[LOAD_MAX_OBJECTS];
	int n_objects;
	enum mnat_gateway_mode mode;
	const struct mnat_gateway_config *config; /* value of map "config"; NULL: a node */
	struct attachment attachments[LOAD_MAX_ATTACHMENTS];
	int n_attachments;
	struct xdp_port xdp_ports[2 * MNAT_MAX_INTERFACES];
	int n_xdp_ports;
	union {
		struct mnat_gateway_conf gateway;
		struct mnat_node_conf node;
	};
};

struct role {
	const char *name;
	enum mnat_role id;
	const char *config_path;
	const char *program_prefix; /* of every program this role attaches */
	/* Read the configuration into plan: pin and attachments. Errors are printed. */
	int (*configure)(const char *path, struct plan *plan);
	/* Open the object and set sizes and constants. */
	int (*open)(struct plan *plan);
	void (*close)(void);
	/* Fill maps before programs are attached; NULL: nothing to fill. */
	int (*prime)(const struct plan *plan);
	/* What the system must have before programs are attached. */
	int (*make_ready)(const struct plan *plan);
	/* Once all is unloaded; NULL: nothing to do. */
	void (*clean_up)(const struct plan *plan);
};

extern const struct role role_gateway;
extern const struct role role_node;

struct bpf_program *plan_program(const struct plan *plan, const char *name);
struct bpf_map *plan_map(const struct plan *plan, const char *name);
int plan_attach(struct plan *plan, const char *ifname, enum bpf_tc_attach_point point,
		const char *program);

/* The three commands. 0 or -errno, errors printed. */
int cmd_load(const struct role *role, struct plan *plan);
int cmd_unload(const struct role *role, struct plan *plan);
int cmd_show(const struct role *role, const struct plan *plan, bool json);

/* ---- pins ---- */

/* Create the pin directory (mounting bpffs if it is missing) and hold a lock on it. */
int pins_lock(const char *dir, int *ret_fd);
/* Refuse maps of another ABI. */
int pins_check_abi(const char *dir, enum mnat_role role);
/* Refuse maps of other sizes than object asks for; then reuse or pin. */
int pins_use_maps(const char *dir, struct bpf_object *object);
/* Refuse maps that were filled by other addresses and ports than plan's. */
int pins_check_layout(const struct plan *plan);
/* Record version and configuration in the maps. */
int pins_write_abi(const struct role *role, const struct plan *plan);
/* The one value of an ARRAY[1]. */
int pins_write_map(const struct plan *plan, const char *name, const void *value);
/* Put the object's programs in place of the pinned ones, each atomically. */
int pins_replace_programs(const char *dir, struct bpf_object *object);
int pins_remove(const char *dir);

/* ---- TC ---- */

/* Its index, or -ENODEV with the error printed. */
int tc_interface(const char *ifname);
/* Is the hook there, and free of programs other than those of prefix? Errors are printed. */
int tc_check(const struct attachment *a, const char *prefix);
/* Attach or, where our filter is already there, replace in place. */
int tc_attach(const struct attachment *a, int prog_fd);
int tc_detach(const char *ifname, enum bpf_tc_attach_point point);

/* A program of ours found on an interface of this network namespace. */
struct found {
	char ifname[IF_NAMESIZE];
	enum bpf_tc_attach_point point;
	unsigned int prog_id;
};

/* All programs whose name starts with prefix; the caller frees *ret_found. Count or -errno. */
int tc_find(const char *prefix, struct found **ret_found);

/* ---- devices ---- */

/* Make sure a veth pair NAME / NAME-peer exists and both ends are up. */
int device_ensure(const char *name);

/* ---- the gateway's own ports ---- */

/* Warn of external ports that a connection of the machine's own might take as well. */
void ephemeral_check(const struct mnat_gateway_config *config);

/* ---- network managers that run here ---- */

/* Tell them to leave the node's interfaces alone; what cannot be told is a warning. */
void managers_tell(const struct mnat_node_conf *conf);
void managers_forget(const struct mnat_node_conf *conf);

#endif
