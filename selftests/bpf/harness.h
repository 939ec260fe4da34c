/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs packets through the real programs by BPF_PROG_TEST_RUN, in a network
 * namespace of the test's own (Criterion gives each test a process).
 */
#ifndef TEST_HARNESS_H
#define TEST_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "mnat/abi.h"

#include "packet.h"

struct run {
	int verdict; /* TC_ACT_OK 0, TC_ACT_SHOT 2, TC_ACT_REDIRECT 7 */
	size_t len;
	uint8_t frame[PACKET_MAX];
};

#define OK 0
#define SHOT 2
#define REDIRECT 7

/*
 * A namespace with two interfaces, "in" 10.0.0.1/24 and "out" 135.180.32.2/24, routes
 * to the seed's subnets and server, permanent neighbours, forwarding on.
 */
void harness_network(void);
int harness_in(void); /* their ifindexes */
int harness_out(void);

extern const uint8_t mac_in[6], mac_out[6], mac_router[6], mac_isp[6], mac_another[6];

/* The frame with the interface's address for its destination, in space; take that back. */
const uint8_t *harness_address(int ifindex, uint8_t space[PACKET_MAX], const uint8_t *frame,
			       size_t len);
void harness_unaddress(int ifindex, uint8_t *result, const uint8_t *frame);

/* Run one frame on interface ifindex. */
struct run harness_run(int prog_fd, int ifindex, const uint8_t *frame, size_t len);
struct run harness_run_packet(int prog_fd, int ifindex, const struct packet *p);

/* Sum over CPUs of a counter in the map. */
uint64_t harness_count(int counters_fd, enum mnat_counter_id id);

uint32_t ip4(const char *text); /* network order */

/*
 * What leaves towards the Internet and may be fragmented there has an identification of the
 * gateway's: want with that of the frame that left.
 */
struct packet with_id_of(const struct run *run, const struct packet *want);

/* The run sent exactly want; Criterion assertion with a byte-wise report. */
void expect_frame(const struct run *run, const struct packet *want, const char *what);

#endif
