/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Policy rules: static bindings that managers made, each its maker's, for a while.
 * What is held of a port is in the maps; who holds it, and for how long, is in a file,
 * written anew at each change before the manager is told. A file of other maps (told by
 * the epoch) is of no use any more.
 */
#ifndef MIDCOM_RULES_H
#define MIDCOM_RULES_H

#include <netinet/in.h>
#include <uthash.h>
#include <uv.h>

#include "hosts.h"
#include "mnat/maps.h"
#include "mnat/simco.h"
#include "ports.h"

#define RULES_MAX	   4096
#define RULES_LIFETIME_MAX 86400 /* seconds */

struct rule {
	uint32_t id;
	uint32_t group;
	char owner[SIMCO_OWNER_MAX + 1];
	__be32 inside; /* the host's identity; 0: reserved only */
	struct port_owner port;
	uint32_t index;	  /* of the external endpoint */
	uint32_t expires; /* second */
	UT_hash_handle hh;
};

struct rules {
	/* set by the caller */
	const struct mnat_gateway *gateway;
	struct hosts *hosts;
	uint32_t (*now)(void); /* seconds of CLOCK_MONOTONIC */
	const char *path;      /* of the file */
	void (*ended)(const struct rule *rule, void *user); /* by itself */
	void *user;
	/* its own */
	struct rule *all;
	uint32_t last_id;
	uv_timer_t timer;
	bool open;
};

/*
 * Find the rules of the maps again; ports that no rule of the file names are freed.
 * 0 or -errno, printed.
 */
int rules_open(struct rules *rules, uv_loop_t *loop);
void rules_close(struct rules *rules);

/* What a manager wants. */
struct rule_order {
	const char *owner;
	uint32_t group;
	uint32_t lifetime; /* more than 0 */
	bool forever;	   /* whatever lifetime says */
	enum mnat_proto_class proto;
	__be32 inside; /* 0: reserve */
	__be16 inside_port;
	int64_t wish; /* index, or PORT_ANY */
};

/*
 * Reserve or enable. 0 with the rule (valid until it ends), or -errno as ports_take(),
 * -ERANGE: no host can have that identity; -EDQUOT: the owner, or all, have enough.
 */
int rules_add(struct rules *rules, const struct rule_order *order, const struct rule **ret_rule);

/* Enable a reserved rule. -EEXIST: the endpoint has another port, or it is enabled. */
int rules_enable(struct rules *rules, const struct rule *rule, const struct rule_order *order);

/* lifetime 0: it ends. */
int rules_set_lifetime(struct rules *rules, const struct rule *rule, uint32_t lifetime);

/* End the owner's rules of that inside endpoint. Returns how many. */
uint32_t rules_end(struct rules *rules, const struct rule_order *order);

const struct rule *rules_find(const struct rules *rules, uint32_t id); /* NULL */

/* End what is due. */
void rules_expire(struct rules *rules);

/* ---- rules_file.c ---- */

int rules_save(const struct rules *rules);

/* Calls add for each rule of the file; no file, or one of other maps: for none. */
int rules_load(struct rules *rules, int (*add)(struct rules *rules, const struct rule *rule));

#endif
