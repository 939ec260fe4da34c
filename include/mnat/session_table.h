/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of sessions (abi.h), the same code in BPF and in user space, on the same
 * memory. A flow has two buckets to be in, of eight slots each. A bucket's tag word says
 * what is in its slots, a byte a slot:
 *
 *   0            nothing
 *   1 .. 127     a session; seven bits of its hash
 *   128 | those  a session that is being put there, nobody else's to look at
 *
 * so that a look-up reads one small word, which is often cached, and one slot. The word
 * changes by atomic operations only. Who finds a free byte takes it by compare-and-swap,
 * fills the slot in, looks whether the flow was put in elsewhere meanwhile, and only then
 * shows it; of two CPUs that do so at once none may win, but never both. A slot that is
 * freed may be another flow's at once: who holds a pointer to it may read the other's
 * binding, as with the kernel's own preallocated hash map.
 *
 * The including file defines table_t, and before it includes this:
 *   table_tags(t, bucket), table_slot(t, index)   pointers into the maps, or NULL
 *   table_buckets(t), table_seed(t)               of the configuration in force
 */
#ifndef MNAT_SESSION_TABLE_H
#define MNAT_SESSION_TABLE_H

#include "mnat/abi.h"

#define TABLE_ONES 0x0101010101010101ull
#define TABLE_LOWS 0x7f7f7f7f7f7f7f7full
#define TABLE_BUSY 0x80ull
#define TABLE_TRIES 16 /* of a word that other CPUs change */
#define TABLE_INSERTS 4

#define TABLE_EEXIST 17
#define TABLE_EBUSY 16
#define TABLE_E2BIG 7
#define TABLE_ENOENT 2

struct table_place {
	__u32 first; /* buckets */
	__u32 second;
	__u64 tag;
};

struct table_words {
	__u64 first;
	__u64 second;
};

static inline __attribute__((always_inline)) struct table_words
table_key_words(const struct mnat_session_key *key)
{
	return (struct table_words){
		(__u64)key->host << 32 | key->remote,
		(__u64)key->port << 48 | (__u64)key->remote_port << 32 | key->proto,
	};
}

/* seed keeps anybody from choosing flows that fall into one bucket. */
static inline __attribute__((always_inline)) struct table_place
table_place_of(const struct mnat_session_key *key, __u32 n_buckets, __u64 seed)
{
	struct table_words words = table_key_words(key);
	struct table_place place;
	__u64 h = (words.first ^ seed) * 0x9e3779b97f4a7c15ull;

	h ^= h >> 32;
	h = (h ^ words.second) * 0xd6e8feb86659fd93ull;
	h ^= h >> 29;
	h *= 0xa0761d6478bd642full;
	h ^= h >> 32;
	place.first = (h & 0xffffffff) * n_buckets >> 32;
	place.second = (h >> 32) * n_buckets >> 32;
	if (place.first == place.second && ++place.second == n_buckets)
		place.second = 0;
	place.tag = h * 0xe7037ed1a0b428dbull >> 57;
	if (!place.tag)
		place.tag = 1;
	return place;
}

/* The high bit of each byte that is 0. */
static inline __attribute__((always_inline)) __u64 table_zeros(__u64 word)
{
	return ~(((word & TABLE_LOWS) + TABLE_LOWS) | word | TABLE_LOWS);
}

static inline __attribute__((always_inline)) __u64 table_equal(__u64 word, __u64 byte)
{
	return table_zeros(word ^ byte * TABLE_ONES);
}

/* Which byte the lowest of such bits is in. */
static inline __attribute__((always_inline)) __u32 table_lowest(__u64 bits)
{
	__u64 below = (bits & -bits) - 1;

	return (((below & TABLE_ONES) * TABLE_ONES >> 56) - 1) & (MNAT_BUCKET_SLOTS - 1);
}

static inline __attribute__((always_inline)) __u32 table_count(__u64 bits)
{
	return (bits >> 7) * TABLE_ONES >> 56;
}

static inline __attribute__((always_inline)) bool
table_is(const struct mnat_session_slot *slot, const struct mnat_session_key *key)
{
	struct table_words a = table_key_words(&slot->key), b = table_key_words(key);

	return a.first == b.first && a.second == b.second;
}

/* Is key in a bucket? Its byte in *ret_at. */
static inline __attribute__((always_inline)) bool
table_match(table_t t, __u32 bucket, __u64 tag, const struct mnat_session_key *key, __u32 *ret_at)
{
	volatile __u64 *word = table_tags(t, bucket);
	__u64 bits = word ? table_equal(*word, tag) : 0;

	for (int i = 0; i < MNAT_BUCKET_SLOTS && bits; i++) {
		__u32 at = table_lowest(bits);
		struct mnat_session_slot *slot = table_slot(t, bucket * MNAT_BUCKET_SLOTS + at);

		if (slot && table_is(slot, key)) {
			*ret_at = at;
			return true;
		}
		bits &= bits - 1;
	}
	return false;
}

/* The index of key's slot, or -1. */
static inline __attribute__((always_inline)) long table_find(table_t t,
							     const struct mnat_session_key *key)
{
	struct table_place place = table_place_of(key, table_buckets(t), table_seed(t));
	__u32 at;

	if (table_match(t, place.first, place.tag, key, &at))
		return (long)place.first * MNAT_BUCKET_SLOTS + at;
	if (table_match(t, place.second, place.tag, key, &at))
		return (long)place.second * MNAT_BUCKET_SLOTS + at;
	return -1;
}

/* Set or clear all bits of a slot's byte but those in keep. */
static inline __attribute__((always_inline)) void table_keep(volatile __u64 *word, __u32 at,
							     __u64 keep)
{
	__sync_fetch_and_and(word, ~((0xff & ~keep) << 8 * at));
}

/* Take a free byte of the bucket: which one, or -1. */
static inline __attribute__((always_inline)) int table_claim(volatile __u64 *word, __u64 tag)
{
	for (int i = 0; i < TABLE_TRIES; i++) {
		__u64 seen = *word, free = table_zeros(seen);
		__u32 at = table_lowest(free);

		if (!free)
			return -1;
		if (__sync_val_compare_and_swap(word, seen, seen | (TABLE_BUSY | tag) << 8 * at) ==
		    seen)
			return (int)at;
	}
	return -1;
}

/* Is the flow in the bucket, or on its way there? at: our own byte, or none of the bucket's. */
static inline __attribute__((always_inline)) int table_rival(table_t t, __u32 bucket, __u64 tag,
							     const struct mnat_session_key *key,
							     __u32 at)
{
	volatile __u64 *word = table_tags(t, bucket);
	__u64 busy = word ? table_equal(*word, TABLE_BUSY | tag) : 0;
	__u32 there;

	if (at < MNAT_BUCKET_SLOTS)
		busy &= ~(0x80ull << 8 * at);
	if (busy)
		return -TABLE_EBUSY;
	return table_match(t, bucket, tag, key, &there) ? -TABLE_EEXIST : 0;
}

static inline __attribute__((always_inline)) int
table_try_insert(table_t t, const struct mnat_session_key *key, const struct mnat_session *session)
{
	struct table_place place = table_place_of(key, table_buckets(t), table_seed(t));
	volatile __u64 *first = table_tags(t, place.first), *second = table_tags(t, place.second);
	__u32 here = place.first, other = place.second;
	struct mnat_session_slot *slot;
	int at, r;

	if (!first || !second)
		return -TABLE_E2BIG;
	r = table_rival(t, place.first, place.tag, key, MNAT_BUCKET_SLOTS);
	if (!r)
		r = table_rival(t, place.second, place.tag, key, MNAT_BUCKET_SLOTS);
	if (r)
		return r;
	if (table_count(table_zeros(*first)) < table_count(table_zeros(*second))) {
		first = second;
		here = place.second;
		other = place.first;
	}
	at = table_claim(first, place.tag);
	if (at < 0)
		return -TABLE_E2BIG;
	slot = table_slot(t, here * MNAT_BUCKET_SLOTS + (__u32)at);
	if (!slot)
		return -TABLE_E2BIG;
	slot->key = *key;
	slot->session = *session;
	r = table_rival(t, here, place.tag, key, (__u32)at);
	if (!r)
		r = table_rival(t, other, place.tag, key, MNAT_BUCKET_SLOTS);
	table_keep(first, (__u32)at, r ? 0 : (__u64)~TABLE_BUSY);
	return r;
}

/*
 * 0; -EEXIST: it is there; -EBUSY: another CPU is putting it there, as far as can be seen,
 * and does so still after some tries; -E2BIG: no room.
 */
static inline __attribute__((always_inline)) int
table_insert(table_t t, const struct mnat_session_key *key, const struct mnat_session *session)
{
	int r = -TABLE_EBUSY;

	for (int i = 0; i < TABLE_INSERTS && r == -TABLE_EBUSY; i++)
		r = table_try_insert(t, key, session);
	return r;
}

static inline __attribute__((always_inline)) int
table_delete_from(table_t t, __u32 bucket, __u64 tag, const struct mnat_session_key *key)
{
	volatile __u64 *word = table_tags(t, bucket);
	__u32 at;

	if (!word || !table_match(t, bucket, tag, key, &at))
		return -TABLE_ENOENT;
	for (int i = 0; i < TABLE_TRIES; i++) {
		__u64 seen = *word;

		if ((seen >> 8 * at & 0xff) != tag)
			break;
		if (__sync_val_compare_and_swap(word, seen, seen & ~(0xffull << 8 * at)) == seen)
			return 0;
	}
	return -TABLE_ENOENT;
}

/* 0 or -ENOENT. */
static inline __attribute__((always_inline)) int table_delete(table_t t,
							      const struct mnat_session_key *key)
{
	struct table_place place = table_place_of(key, table_buckets(t), table_seed(t));

	if (!table_delete_from(t, place.first, place.tag, key))
		return 0;
	return table_delete_from(t, place.second, place.tag, key);
}

#endif
