// SPDX-License-Identifier: GPL-2.0-only
#include "shim.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "mnat/clock.h"
#include "mnat/log.h"

int shim_open(const char *pin, struct shim *ret_shim)
{
	struct shim shim = {};
	uint32_t zero = 0;
	int r = mnat_node_open(pin, &shim.node);

	if (r < 0)
		return r;
	if (bpf_map_lookup_elem(shim.node.active_fd, &zero, &shim.active) ||
	    shim.active >= MNAT_SHIM_SLOTS) {
		log_err("%s/shim_active cannot be read; load the data path again (mnat-load)", pin);
		mnat_node_close(&shim.node);
		return -EPROTO;
	}
	*ret_shim = shim;
	return 0;
}

void shim_close(struct shim *shim)
{
	mnat_node_close(&shim->node);
}

int shim_read(const struct shim *shim, struct mnat_shim *ret_slot)
{
	struct mnat_shim slot;

	if (bpf_map_lookup_elem(shim->node.shim_fd, &shim->active, &slot))
		return -errno;
	*ret_slot = slot;
	return 0;
}

/* Does a packet take the same way, with the same addresses, under both? */
static bool same_place(const struct mnat_shim *a, const struct mnat_shim *b)
{
	return a->mode == b->mode && a->virt == b->virt && a->actual == b->actual &&
	       a->uplink == b->uplink && a->gateway == b->gateway && a->tunnel == b->tunnel;
}

static void carry(const struct mnat_shim *live, struct mnat_shim *slot)
{
	slot->old_actual = live->old_actual;
	slot->old_until_ns = live->old_until_ns;
	slot->first_out_ns = live->first_out_ns;
	slot->first_in_ns = live->first_in_ns;
	if (!slot->gateway_mac)
		slot->gateway_mac = live->gateway_mac;
}

static void leave_behind(const struct mnat_shim *live, struct mnat_shim *slot, uint64_t grace_ns)
{
	if (!live->actual || live->virt != slot->virt ||
	    (live->actual == slot->actual && live->uplink == slot->uplink))
		return;
	slot->old_actual = live->actual;
	slot->old_until_ns = mnat_clock_now() + grace_ns;
}

static int flip(struct shim *shim, struct mnat_shim *slot)
{
	uint32_t next = (shim->active + 1) % MNAT_SHIM_SLOTS, zero = 0;

	slot->generation++;
	if (bpf_map_update_elem(shim->node.shim_fd, &next, slot, BPF_ANY) ||
	    bpf_map_update_elem(shim->node.active_fd, &zero, &next, BPF_ANY))
		return -errno;
	shim->active = next;
	return 0;
}

int shim_accept(struct shim *shim, struct in_addr actual, uint64_t for_ns)
{
	struct mnat_shim slot;
	int r = shim_read(shim, &slot);

	if (r < 0 || slot.actual == actual.s_addr)
		return r;
	slot.old_actual = actual.s_addr;
	slot.old_until_ns = mnat_clock_now() + for_ns;
	return flip(shim, &slot);
}

int shim_install(struct shim *shim, const struct mnat_shim *want, uint64_t grace_ns)
{
	struct mnat_shim slot = *want, live;
	int r = shim_read(shim, &live);
	bool same;

	if (r < 0)
		return r;
	same = same_place(&live, want);
	if (same)
		carry(&live, &slot);
	else
		leave_behind(&live, &slot, grace_ns);
	slot.generation = live.generation;
	if (!memcmp(&slot, &live, sizeof(slot)))
		return SHIM_UNCHANGED;
	r = flip(shim, &slot);
	if (r < 0)
		return r;
	return same ? SHIM_UPDATED : SHIM_MOVED;
}

uint64_t shim_mac_word(const uint8_t mac[6])
{
	uint64_t word = 0;

	memcpy(&word, mac, 6);
	return word;
}

void shim_mac_bytes(uint64_t word, uint8_t ret_mac[6])
{
	memcpy(ret_mac, &word, 6);
}
