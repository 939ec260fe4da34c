/* SPDX-License-Identifier: GPL-2.0-only */
/* Between dump.c, dump_hosts.c and dump_sessions.c. */
#ifndef MIDCOM_DUMP_STATE_H
#define MIDCOM_DUMP_STATE_H

#include "batch.h"
#include "dump.h"
#include "mnat/addr.h"

#define DUMP_BATCH 32 /* rows a piece, about 0.3 ms: what a rebind may wait for it */
#define DUMP_ENDPOINT_LEN (MNAT_IP_LEN + 8)

/* A dump on its way: through slots, or through a hash map. */
struct dump_state {
	const struct dump_source *source;
	uint32_t next_id;
	struct batch batch;
	void (*row)(struct mnat_control_client *client, struct dump_state *state, const void *key,
		    const void *value);
	uint32_t *counts; /* sessions an anchor */
	bool counted;
};

extern const char *const dump_protos[MNAT_N_PROTO];

json_t *dump_ip(__be32 addr); /* null for 0 */
uint32_t dump_age(const struct dump_source *source, uint32_t since);
const char *dump_path(uint64_t location_word);

/* A host as people know it: its virtual address, or a plain host's own. */
__be32 dump_identity(const struct dump_source *source, uint32_t id);

/* The external endpoint of a binding. */
void dump_external(const struct dump_source *source, uint32_t index,
		   char ret_text[DUMP_ENDPOINT_LEN]);

void dump_rules(struct mnat_control_client *client, const struct dump_source *source);
bool dump_batch_step(struct mnat_control_client *client, void *state);
int dump_open_hosts(struct dump_state *state);
bool dump_hosts_step(struct mnat_control_client *client, void *state);
int dump_open_blocks(struct dump_state *state);
bool dump_blocks_step(struct mnat_control_client *client, void *state);
int dump_open_sessions(struct dump_state *state);
int dump_open_anchors(struct dump_state *state);
bool dump_anchors_step(struct mnat_control_client *client, void *state);

#endif
