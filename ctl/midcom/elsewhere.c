// SPDX-License-Identifier: GPL-2.0-only
#include "elsewhere.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "ports.h"

static int look_up(const struct mnat_gateway *g, const struct mnat_session_key *key,
		   enum mnat_elsewhere_kind kind, struct mnat_elsewhere *ret_there)
{
	struct mnat_elsewhere there;

	if (bpf_map_lookup_elem(g->elsewhere_fd, key, &there) || there.kind != kind)
		return -ENOENT;
	*ret_there = there;
	return 0;
}

static int put(const struct mnat_gateway *g, const struct mnat_session_key *key,
	       const struct mnat_elsewhere *there, uint64_t flags)
{
	return bpf_map_update_elem(g->elsewhere_fd, key, there, flags) ? -errno : 0;
}

static bool has_session(const struct mnat_gateway *g, const struct mnat_session_key *key,
			bool anchored_here)
{
	struct mnat_session session;

	if (!mnat_session_get(g, key, &session))
		return false;
	return anchored_here ? !mnat_binding_is_none(session.binding)
			     : (session.binding & MNAT_BINDING_ANCHOR) != 0;
}

/* ---- Sessions anchored elsewhere ---- */

bool elsewhere_is_anchored(const struct mnat_gateway *g, const struct mnat_session_key *key)
{
	struct mnat_elsewhere there;

	return !look_up(g, key, MNAT_ANCHORED, &there);
}

static void drop_relay(const struct mnat_gateway *g, uint32_t number)
{
	uint32_t index = number - 1;

	if (number && !bpf_map_delete_elem(g->relays_fd, &index))
		ports_drop(g, index);
}

int elsewhere_anchor(const struct mnat_gateway *g, const struct mnat_session_key *key,
		     struct elsewhere_endpoint external)
{
	struct mnat_elsewhere there = {
		.addr = external.addr, .port = external.port, .kind = MNAT_ANCHORED};
	struct mnat_elsewhere known;

	if (!look_up(g, key, MNAT_ANCHORED, &known)) {
		if (known.addr == there.addr && known.port == there.port)
			return 0;
		drop_relay(g, known.number); /* another anchor than was thought */
	}
	return put(g, key, &there, BPF_ANY);
}

static struct mnat_relay relay_of(const struct mnat_session_key *key,
				  const struct mnat_elsewhere *there, __be32 virt,
				  bool from_correspondent)
{
	struct mnat_relay relay = {
		.session = *key, .from = there->addr, .from_port = there->port, .virt = virt};

	if (from_correspondent) {
		relay.from = key->remote;
		relay.from_port = key->remote_port;
	}
	if (key->proto == MNAT_ICMP)
		relay.from_port = 0;
	return relay;
}

static int64_t take_port(const struct mnat_gateway *g, const struct mnat_relay *relay, uint32_t now)
{
	const struct port_owner nobody = {.proto = relay->session.proto};
	int64_t index = ports_take(g, &nobody, PORT_ANY, now);
	uint32_t key = (uint32_t)index;

	if (index < 0 || !bpf_map_update_elem(g->relays_fd, &key, relay, BPF_ANY))
		return index;
	ports_drop(g, key);
	return -ENOSPC;
}

int64_t elsewhere_give_port(const struct mnat_gateway *g, const struct mnat_session_key *key,
			    __be32 virt, bool from_correspondent, uint32_t now)
{
	struct mnat_elsewhere there;
	struct mnat_relay relay;
	int64_t index;
	int r = look_up(g, key, MNAT_ANCHORED, &there);

	if (r)
		return r;
	relay = relay_of(key, &there, virt, from_correspondent);
	if (there.number) {
		uint32_t known = there.number - 1;

		if (bpf_map_update_elem(g->relays_fd, &known, &relay, BPF_EXIST))
			return -errno;
		return known;
	}
	index = take_port(g, &relay, now);
	if (index < 0)
		return index;
	there.number = (uint32_t)index + 1;
	r = put(g, key, &there, BPF_EXIST);
	if (r)
		drop_relay(g, there.number);
	else if (!has_session(g, key, false)) {
		elsewhere_forget(g, key); /* swept in this moment */
		r = -ENOENT;
	}
	return r ? r : index;
}

bool elsewhere_holds(const struct mnat_gateway *g, uint32_t index)
{
	struct mnat_elsewhere there;
	struct mnat_relay relay;

	if (bpf_map_lookup_elem(g->relays_fd, &index, &relay))
		return false;
	if (!look_up(g, &relay.session, MNAT_ANCHORED, &there) && there.number == index + 1)
		return true;
	bpf_map_delete_elem(g->relays_fd, &index); /* a killed agent's */
	return false;
}

/* ---- Sessions of hosts that are elsewhere ---- */

/* ICMP has no second port to tell the entries of one host and gateway apart. */
static bool has_back(const struct mnat_session_key *key, const struct mnat_elsewhere *there)
{
	return key->proto != MNAT_ICMP && there->port;
}

static struct mnat_session_key back_of(const struct mnat_session_key *key,
				       const struct mnat_elsewhere *there)
{
	struct mnat_session_key back = *key;

	back.remote = there->addr;
	back.remote_port = there->port;
	return back;
}

static void forget_back(const struct mnat_gateway *g, const struct mnat_session_key *key,
			const struct mnat_elsewhere *there)
{
	const struct mnat_session_key back = back_of(key, there);
	struct mnat_elsewhere found;

	if (has_back(key, there) && !look_up(g, &back, MNAT_CORRESPONDENT, &found))
		bpf_map_delete_elem(g->elsewhere_fd, &back);
}

int elsewhere_forward(const struct mnat_gateway *g, const struct mnat_session_key *key,
		      struct elsewhere_endpoint endpoint, uint32_t stay, bool keep_source)
{
	const struct mnat_elsewhere there = {
		.addr = endpoint.addr,
		.port = endpoint.port,
		.kind = MNAT_FORWARDED,
		.flags = keep_source ? MNAT_KEEP_SOURCE : 0,
		.number = stay,
	};
	const struct mnat_elsewhere correspondent = {
		.addr = key->remote, .port = key->remote_port, .kind = MNAT_CORRESPONDENT};
	const struct mnat_session_key back = back_of(key, &there);
	struct mnat_elsewhere known;
	int r = 0;

	if (!has_session(g, key, true))
		return -ENOENT;
	if (!look_up(g, key, MNAT_FORWARDED, &known))
		forget_back(g, key, &known);
	if (has_back(key, &there))
		r = put(g, &back, &correspondent, BPF_NOEXIST);
	if (!r || r == -EEXIST)
		r = put(g, key, &there, BPF_ANY);
	if (r || has_session(g, key, true))
		return r;
	elsewhere_forget(g, key); /* swept in this moment */
	return -ENOENT;
}

void elsewhere_forget(const struct mnat_gateway *g, const struct mnat_session_key *key)
{
	struct mnat_elsewhere there;

	if (!look_up(g, key, MNAT_ANCHORED, &there))
		drop_relay(g, there.number);
	else if (!look_up(g, key, MNAT_FORWARDED, &there))
		forget_back(g, key, &there);
	else
		return;
	bpf_map_delete_elem(g->elsewhere_fd, key);
}
