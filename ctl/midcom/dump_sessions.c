// SPDX-License-Identifier: GPL-2.0-only
/* dump sessions and anchors. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump_state.h"

#define COUNTED 2048 /* sessions counted in a piece */

const char *const dump_protos[MNAT_N_PROTO] = {"tcp", "udp", "icmp"};
static const char *const state_names[MNAT_N_STATES] = {
	[MNAT_STATE_UDP] = "active",
	[MNAT_STATE_ICMP] = "active",
	[MNAT_STATE_TCP_OPENING] = "opening",
	[MNAT_STATE_TCP_ESTABLISHED] = "established",
	[MNAT_STATE_TCP_CLOSING] = "closing",
	[MNAT_STATE_TCP_RESET] = "reset",
};

static void endpoint_text(__be32 addr, uint16_t port, char ret_text[DUMP_ENDPOINT_LEN])
{
	char ip[MNAT_IP_LEN];

	snprintf(ret_text, DUMP_ENDPOINT_LEN, "%s:%u", mnat_ip((struct in_addr){addr}, ip), port);
}

void dump_external(const struct dump_source *source, uint32_t index,
		   char ret_text[DUMP_ENDPOINT_LEN])
{
	uint32_t port, addr = mnat_binding_endpoint(&source->gateway->config, index, &port);

	endpoint_text(htonl(addr), (uint16_t)port, ret_text);
}

/* ---- sessions ---- */

/* Where a session's packets go, and who gives it its external endpoint. */
struct way {
	json_t *external;
	json_t *anchor;
	const char *path; /* to the host: by tunnel, or translate */
	const char *back; /* reverse, direct; NULL: by this gateway */
};

static bool look_elsewhere(const struct dump_source *source, const struct mnat_session_key *key,
			   enum mnat_elsewhere_kind kind, struct mnat_elsewhere *ret_there)
{
	return !bpf_map_lookup_elem(source->gateway->elsewhere_fd, key, ret_there) &&
	       ret_there->kind == kind;
}

/* Is the session of a host that is elsewhere forwarded to a port of its own there? */
static bool is_forwarded(const struct dump_source *source, const struct mnat_session_key *key,
			 uint64_t word)
{
	struct mnat_elsewhere there;
	struct mnat_host_info info;

	return mnat_location_flags(word) & MNAT_HOST_FORWARDED &&
	       look_elsewhere(source, key, MNAT_FORWARDED, &there) && there.port &&
	       !bpf_map_lookup_elem(source->gateway->host_info_fd, &key->host, &info) &&
	       info.stay == there.number;
}

static struct way way_of_ours(const struct dump_source *source, const struct mnat_session_key *key,
			      const struct mnat_session *session)
{
	char text[DUMP_ENDPOINT_LEN];
	uint64_t word = key->host < source->gateway->n_hosts ? source->gateway->hosts[key->host] : 0;

	if (mnat_binding_is_intra(session->binding))
		return (struct way){json_null(), json_string("here"), dump_path(word)};
	dump_external(source, session->binding, text);
	return (struct way){json_string(text), json_string("here"),
			    is_forwarded(source, key, word) ? "translate" : dump_path(word), NULL};
}

static struct way way_to_anchor(const struct dump_source *source,
				const struct mnat_session_key *key, uint32_t slot)
{
	const struct anchors *anchors = source->anchors;
	struct way way = {json_null(), json_null(), "none", NULL};
	struct mnat_elsewhere there;
	char text[DUMP_ENDPOINT_LEN];

	if (slot >= anchors->n || !anchors->slots[slot].gateway)
		return way; /* being removed */
	way.anchor = dump_ip(anchors->slots[slot].gateway);
	way.path = "tunnel";
	way.back = "reverse";
	if (!look_elsewhere(source, key, MNAT_ANCHORED, &there))
		return way;
	endpoint_text(there.addr, ntohs(there.port), text);
	way.external = json_string(text);
	if (there.number)
		way.path = "translate";
	if (anchors->slots[slot].flags & MNAT_ANCHOR_DIRECT)
		way.back = "direct";
	return way;
}

static void session_row(struct mnat_control_client *client, struct dump_state *state,
			const void *raw_key, const void *raw_value)
{
	const struct dump_source *source = state->source;
	struct mnat_session_key key;
	struct mnat_session session;
	char remote[DUMP_ENDPOINT_LEN];
	struct way way;

	memcpy(&key, raw_key, sizeof(key));
	memcpy(&session, raw_value, sizeof(session));
	if (key.proto >= MNAT_N_PROTO)
		return;
	endpoint_text(key.remote, ntohs(key.remote_port), remote);
	if (key.proto == MNAT_ICMP)
		*strchr(remote, ':') = 0;
	way = session.binding & MNAT_BINDING_ANCHOR
		      ? way_to_anchor(source, &key, session.binding & ~MNAT_BINDING_ANCHOR)
		      : way_of_ours(source, &key, &session);
	mnat_control_row(
		client,
		json_pack("{s:s, s:o, s:i, s:o, s:s, s:o, s:s, s:s?, s:s, s:I, s:I}", "proto",
			  dump_protos[key.proto], "identity",
			  dump_ip(dump_identity(source, key.host)), "port", ntohs(key.port),
			  "external", way.external, "remote", remote, "anchor", way.anchor,
			  "path", way.path, "back", way.back, "state",
			  state_names[mnat_session_state(key.proto, session.flags)], "age_s",
			  (json_int_t)dump_age(source, session.created), "idle_s",
			  (json_int_t)dump_age(source, session.last_seen)));
}

int dump_open_sessions(struct dump_state *state)
{
	state->row = session_row;
	return batch_open_sessions(&state->batch, state->source->gateway, DUMP_BATCH);
}

/* ---- anchors: their sessions are counted first ---- */

int dump_open_anchors(struct dump_state *state)
{
	state->counts = calloc(state->source->anchors->n + 1, sizeof(*state->counts));
	state->next_id = 1;
	if (!state->counts)
		return -ENOMEM;
	return batch_open_sessions(&state->batch, state->source->gateway, COUNTED);
}

/* False: there is more to count. */
static bool count_some(struct dump_state *state)
{
	int more = batch_next(&state->batch);

	for (uint32_t i = 0; more >= 0 && i < state->batch.n; i++) {
		struct mnat_session session;
		uint32_t slot;

		memcpy(&session, state->batch.values + i * sizeof(session), sizeof(session));
		slot = session.binding & ~MNAT_BINDING_ANCHOR;
		if (session.binding & MNAT_BINDING_ANCHOR && slot < state->source->anchors->n)
			state->counts[slot]++;
	}
	return more <= 0;
}

static bool anchor_row(struct mnat_control_client *client, const struct dump_state *state,
		       uint32_t slot)
{
	const struct mnat_anchor *anchor = &state->source->anchors->slots[slot];
	uint32_t default_slot = 0;

	if (!anchor->gateway)
		return false;
	if (bpf_map_lookup_elem(state->source->gateway->defaults_fd, &anchor->host, &default_slot))
		default_slot = 0;
	mnat_control_row(client,
			 json_pack("{s:o, s:o, s:o, s:I, s:b, s:b, s:b}", "gateway",
				   dump_ip(anchor->gateway), "virtual", dump_ip(anchor->virt),
				   "host", dump_ip(dump_identity(state->source, anchor->host)),
				   "sessions", (json_int_t)state->counts[slot], "direct",
				   (anchor->flags & MNAT_ANCHOR_DIRECT) != 0, "translate",
				   (anchor->flags & MNAT_ANCHOR_TRANSLATE) != 0, "default",
				   default_slot == slot));
	return true;
}

bool dump_anchors_step(struct mnat_control_client *client, void *user)
{
	struct dump_state *state = user;
	uint32_t rows = 0;

	if (!state->counted) {
		state->counted = count_some(state);
		return true;
	}
	while (rows < DUMP_BATCH) {
		if (state->next_id >= state->source->anchors->n) {
			mnat_control_done(client, NULL);
			return false;
		}
		rows += anchor_row(client, state, state->next_id++);
	}
	return true;
}
