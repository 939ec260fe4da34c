/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shim's state in the BPF maps (struct mnat_shim, abi.h). A slot in force is
 * never written: a change is a filled next slot and a flip of the index, so that the
 * datapath sees the old state or the new one. What the datapath itself writes
 * (first_out_ns, first_in_ns, gateway_mac) is read back from the slot in force.
 */
#ifndef MNATC_SHIM_H
#define MNATC_SHIM_H

#include <netinet/in.h>
#include <stdbool.h>

#include "mnat/abi.h"
#include "mnat/maps.h"

struct shim {
	struct mnat_node node;
	uint32_t active;
};

/* Errors are printed. */
int shim_open(const char *pin, struct shim *ret_shim);
void shim_close(struct shim *shim);

/* The slot in force, as it is now. 0 or -errno. */
int shim_read(const struct shim *shim, struct mnat_shim *ret_slot);

/*
 * Put want in force, with the generation after the one in force. At the same place
 * (addresses, uplink, gateway) what the datapath has noted and learnt goes along; at
 * a new one the actual address left behind is accepted for grace_ns more. Returns
 * one of enum shim_change, or -errno.
 */
enum shim_change { SHIM_UNCHANGED, SHIM_UPDATED, SHIM_MOVED };
int shim_install(struct shim *shim, const struct mnat_shim *want, uint64_t grace_ns);

/*
 * Take packets to another address, on any uplink, for so long: it is about to be ours,
 * and the gateway may know before we do. 0 or -errno.
 */
int shim_accept(struct shim *shim, struct in_addr actual, uint64_t for_ns);

/* A MAC address as slots hold it: one word. */
uint64_t shim_mac_word(const uint8_t mac[6]);
void shim_mac_bytes(uint64_t word, uint8_t ret_mac[6]);

#endif
