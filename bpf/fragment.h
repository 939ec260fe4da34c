/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fragments (RFC 4787 REQ-14). The first one is handled as any packet and leaves a record
 * of its ports and its fate; later ones take them from there and go the same way, but for
 * a transport header that they do not have. Nothing is reassembled.
 *
 * A later fragment that comes before the first is held as it came. When the first
 * arrives, it and those held are sent round: they enter by the same interface once
 * more, in order. Few are held, for a short time, and those of one packet cannot take
 * the room of all others.
 *
 * What left is kept beside what came, for ICMP errors that quote a later fragment.
 */
#ifndef MNAT_FRAGMENT_H
#define MNAT_FRAGMENT_H

#include "host.h"
#include "ip_id.h"
#include "parse.h"
#include "refuse.h"

#define FRAGMENT_RECORDS 16384 /* two a datagram */
#define FRAGMENT_RECORD_LIFE 15 /* seconds, as long as receivers wait to reassemble */

#define HELD_SETS 32 /* a packet's fragments share one set ... */
#define HELD_WAYS 16 /* ... of so many places */
#define HELD_MAX 2016 /* bytes of a frame */
#define HELD_LIFE (2 * NS_PER_SEC)

enum fragment_side { FRAGMENT_CAME, FRAGMENT_LEFT };

struct fragment_key {
	__be32 saddr;
	__be32 daddr;
	__be32 scope; /* LEFT: 0 */
	__be16 id;
	__u8 ip_proto;
	__u8 side;
};

struct fragment_record {
	__be16 sport;
	__be16 dport;
	__u16 first; /* bytes of payload in the first fragment */
	__u8 proto;
	__u8 icmp_type;
	__u32 until;   /* seconds */
	__u32 verdict; /* what became of it */
	__be16 id; /* that its fragments leave with */
	__u16 pad;
};

/* Records are a cache: one that is pushed out costs a datagram, no session. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, FRAGMENT_RECORDS);
	__type(key, struct fragment_key);
	__type(value, struct fragment_record);
} fragments SEC(".maps");

/* The stack has no room for these: only fragments pay for the look-up. */
struct fragment_work {
	struct fragment_key key;
	struct fragment_record record;
};

/* By side: that of the packet, and of what is asked or noted besides. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct fragment_work);
} fragment_works SEC(".maps");

enum held_state { HELD_FREE, HELD_BUSY, HELD_READY };

/* Whoever sets state to BUSY by compare-and-swap owns the place until setting it again. */
struct held_fragment {
	__u32 state;
	__u32 len;
	__u64 since; /* ns */
	struct fragment_key key;
	__u8 frame[HELD_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HELD_SETS * HELD_WAYS);
	__type(key, __u32);
	__type(value, struct held_fragment);
} held SEC(".maps");

static __noinline struct fragment_work *fragment_work_get(__u32 side)
{
	return bpf_map_lookup_elem(&fragment_works, &side);
}

/* This CPU's, with the packet's key; NULL cannot be. */
static __always_inline struct fragment_work *fragment_work(const struct packet *pkt)
{
	struct fragment_work *w = fragment_work_get(FRAGMENT_CAME);

	if (w)
		w->key = (struct fragment_key){
			.saddr = pkt->saddr,
			.daddr = pkt->daddr,
			.scope = pkt->scope,
			.id = pkt->id,
			.ip_proto = pkt->ip_proto,
		};
	return w;
}

static __always_inline struct held_fragment *held_place(const struct fragment_key *key, __u32 way)
{
	__u32 hash = (key->saddr ^ key->daddr ^ key->scope ^ key->id) * 0x9e3779b1u;
	__u32 index = (hash >> 16) % HELD_SETS * HELD_WAYS + way;

	return bpf_map_lookup_elem(&held, &index);
}

static __always_inline bool held_is(const struct held_fragment *h, const struct fragment_key *key)
{
	const __u64 *a = (const __u64 *)&h->key, *b = (const __u64 *)key;

	return a[0] == b[0] && a[1] == b[1];
}

/* Own the place, if it is in that state; what lived too long in it is gone. */
static __always_inline bool held_own(struct held_fragment *h, __u32 state)
{
	return h->state == state && __sync_val_compare_and_swap(&h->state, state, HELD_BUSY) == state;
}

static __always_inline bool held_expired(const struct held_fragment *h, __u64 now)
{
	return now - h->since > HELD_LIFE;
}

/* What the searches of a set, by bpf_loop(), go by. */
struct held_search {
	ctx_t *ctx;
	const struct fragment_key *key;
	struct held_fragment *found;
	__u64 now;
	__u32 n;
};

static long held_take(__u32 way, struct held_search *s)
{
	struct held_fragment *h = held_place(s->key, way);

	if (!h)
		return 1;
	if (h->state == HELD_READY && held_expired(h, s->now) && held_own(h, HELD_READY)) {
		count(MNAT_C_FRAGMENT_EXPIRED, 0);
		s->found = h;
	} else if (held_own(h, HELD_FREE)) {
		s->found = h;
	}
	return !!s->found;
}

static __always_inline struct fragment_record *fragment_lookup(const struct fragment_key *key)
{
	struct fragment_record *record = bpf_map_lookup_elem(&fragments, key);

	return record && now_seconds() <= record->until ? record : NULL;
}

/*
 * Keep the frame until its first fragment comes. FRAGMENT_HELD, another reason, or
 * PARSE_OK: the first one came by on another CPU meanwhile.
 */
static __noinline int fragment_hold(ctx_t *ctx, const struct fragment_key *key)
{
	struct held_search s = { .key = key, .now = bpf_ktime_get_coarse_ns() };
	__u32 len = ctx_len(ctx);
	struct held_fragment *h;

	if (!key || len < ETH_HLEN || len > HELD_MAX)
		return MNAT_C_FRAGMENT_FULL;
	bpf_loop(HELD_WAYS, held_take, &s, 0);
	h = s.found;
	if (!h)
		return MNAT_C_FRAGMENT_FULL;
	h->len = len;
	if (!LENGTH_IS_IN(len, ETH_HLEN, HELD_MAX) || ctx_save(ctx, h->frame, len)) {
		h->state = HELD_FREE;
		return MNAT_C_INTERNAL;
	}
	h->since = s.now;
	h->key = *key;
	__sync_lock_test_and_set(&h->state, HELD_READY);
	if (fragment_lookup(key) && held_own(h, HELD_READY)) {
		h->state = HELD_FREE;
		return PARSE_OK;
	}
	return MNAT_C_FRAGMENT_HELD;
}

/* RFC 791: all but the last are of whole eights, and no packet is longer than 65535. */
static __always_inline bool fragment_is_good(const struct packet *pkt)
{
	__u32 len = pkt->payload;

	return len && !(pkt->more && len & 7) && pkt->at + len <= 65535 - sizeof(struct iphdr);
}

/* What the first fragment left, or the reason that a later one goes no further. */
static __noinline int fragment_recall(ctx_t *ctx, struct fragment_work *w)
{
	struct fragment_record *record;
	int reason;

	if (!w)
		return MNAT_C_INTERNAL;
	record = fragment_lookup(&w->key);
	if (!record) {
		reason = fragment_hold(ctx, &w->key);
		if (reason != PARSE_OK)
			return reason;
		record = fragment_lookup(&w->key);
		if (!record)
			return MNAT_C_FRAGMENT_FULL;
	}
	w->record = *record;
	return PARSE_OK;
}

/* A later fragment's ports. */
static __always_inline int fragment_find(ctx_t *ctx, struct packet *pkt)
{
	struct fragment_work *w;
	int reason;

	w = fragment_work(pkt);
	if (!w)
		return MNAT_C_INTERNAL;
	reason = fragment_recall(ctx, w);
	if (reason != PARSE_OK)
		return reason;
	if (w->record.verdict == VERDICT_STACK)
		return MNAT_C_FRAGMENT_STACK;
	if (w->record.verdict != VERDICT_SENT)
		return MNAT_C_FRAGMENT_REFUSED;
	if (pkt->at < w->record.first)
		return MNAT_C_FRAGMENT_OVERLAP;
	pkt->sport = w->record.sport;
	pkt->dport = w->record.dport;
	pkt->proto = w->record.proto;
	pkt->icmp_type = w->record.icmp_type;
	return PARSE_OK;
}

static long held_release(__u32 way, struct held_search *s)
{
	struct held_fragment *h = held_place(s->key, way);
	__u32 len;

	if (!h || h->state != HELD_READY || !held_is(h, s->key) || held_expired(h, s->now) ||
	    !held_own(h, HELD_READY))
		return 0;
	if (!s->n++)
		ctx_again(s->ctx);
	len = h->len;
	if (!ctx_resize(s->ctx, len) && LENGTH_IS_IN(len, ETH_HLEN, HELD_MAX) &&
	    !ctx_write(s->ctx, 0, h->frame, len) && !ctx_again(s->ctx))
		count(MNAT_C_FRAGMENT_RELEASED, len);
	h->state = HELD_FREE;
	return 0;
}

/* Send a first fragment and those held for it round. False: none is held. */
static __noinline bool fragment_send_round(ctx_t *ctx, const struct fragment_work *w)
{
	struct held_search s = { .ctx = ctx, .now = bpf_ktime_get_coarse_ns() };

	if (!w)
		return false;
	s.key = &w->key;
	bpf_loop(HELD_WAYS, held_release, &s, 0);
	return s.n;
}

static __always_inline int fragment_first(ctx_t *ctx, struct packet *pkt)
{
	struct fragment_work *w;

	if (parse_transport(ctx, pkt) == MNAT_C_SHORT_PACKET)
		return MNAT_C_FRAGMENT_TINY;
	w = fragment_work(pkt);
	if (!w)
		return MNAT_C_INTERNAL;
	if (fragment_send_round(ctx, w))
		return MNAT_C_FRAGMENT_AGAIN;
	w->record = (struct fragment_record){
		.sport = pkt->sport,
		.dport = pkt->dport,
		.proto = pkt->proto,
		.icmp_type = pkt->icmp_type,
		.first = pkt->payload,
		.id = next_id(pkt->daddr),
		.until = now_seconds() + FRAGMENT_RECORD_LIFE,
	};
	return PARSE_OK;
}

/*
 * Before anything is done with a packet: PARSE_OK, and a later fragment has its ports, or
 * the reason it goes no further. pkt: as parse_ipv4() or tunnel_peek() told it, and scope.
 */
static __always_inline int fragment_begin(ctx_t *ctx, struct packet *pkt)
{
	if (pkt->fragment == WHOLE)
		return PARSE_OK;
	if (CTX_DEFERS)
		return DEFER;
	if (!fragment_is_good(pkt))
		return MNAT_C_FRAGMENT_BAD;
	return pkt->fragment == LATER_FRAGMENT ? fragment_find(ctx, pkt) : fragment_first(ctx, pkt);
}

/* Note how a first fragment leaves. Its transport header has been looked at already. */
static __always_inline void fragment_note(ctx_t *ctx, const struct fragment_work *came,
					  const struct iphdr *ip)
{
	struct fragment_work *w = fragment_work_get(FRAGMENT_LEFT);
	const struct ports *ports = (void *)ip + sizeof(*ip);

	/* behind options ports are not looked for: an error about such a fragment is dropped */
	if (!w || ip->ihl != 5 || (void *)(ports + 2) > ctx_data_end(ctx))
		return;
	w->key = (struct fragment_key){
		.saddr = ip->saddr,
		.daddr = ip->daddr,
		.id = ip->id,
		.ip_proto = ip->protocol,
		.side = FRAGMENT_LEFT,
	};
	w->record = came->record;
	w->record.sport = ports->source;
	w->record.dport = ports->dest;
	if (came->record.proto == MNAT_ICMP)
		w->record.sport = w->record.dport = ports[1].source; /* identifier */
	bpf_map_update_elem(&fragments, &w->key, &w->record, BPF_ANY);
}

/* A fragment is sent, translated. In a tunnel or as an ICMP error of ours it is none any more. */
static __noinline int fragment_leaves(ctx_t *ctx, const struct fragment_work *came,
				      const struct packet *pkt)
{
	struct iphdr *ip = ctx_data(ctx) + ETH_HLEN;

	if (!came || !pkt || (void *)(ip + 1) > ctx_data_end(ctx) ||
	    ip->protocol != pkt->ip_proto || ip->id != pkt->id)
		return 0;
	if (is_sent_out(ip, pkt))
		ip_set_id(ip, came->record.id);
	if (pkt->fragment == FIRST_FRAGMENT)
		fragment_note(ctx, came, ip);
	return 0;
}

/* When that is done: what became of the first becomes of the later ones. */
static __always_inline int fragment_end(ctx_t *ctx, const struct packet *pkt, int verdict)
{
	struct fragment_work *w;

	if (pkt->fragment == WHOLE) {
		if (!pkt->df && verdict == VERDICT_SENT)
			ip_id_renew(ctx, pkt);
		return verdict;
	}
	w = fragment_work_get(FRAGMENT_CAME);
	if (!w)
		return verdict;
	if (pkt->fragment == FIRST_FRAGMENT) {
		w->record.verdict = verdict;
		bpf_map_update_elem(&fragments, &w->key, &w->record, BPF_ANY);
	}
	if (verdict == VERDICT_SENT)
		fragment_leaves(ctx, w, pkt);
	return verdict;
}

#endif
