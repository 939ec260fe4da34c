/* SPDX-License-Identifier: GPL-2.0-only */
/* The node's programs with the seed's figure 6 in force. */
#ifndef TEST_NODE_H
#define TEST_NODE_H

#include "harness.h"

struct node;

/* In force: V 10.128.0.2, A 10.0.1.5/24, gateway 10.0.1.1, the stack's gateway 10.0.0.1. */
struct node *node_start(void);
/* The slot in force, to change for a test, then node_put(). */
struct mnat_shim node_shim(struct node *n);
void node_put(struct node *n, const struct mnat_shim *shim);

struct run node_out(struct node *n, const uint8_t *frame, size_t len);
struct run node_in(struct node *n, const uint8_t *frame, size_t len);
int node_map(struct node *n, const char *name);
uint64_t node_count(struct node *n, enum mnat_counter_id id);
uint64_t node_count_all(struct node *n); /* all but events */

extern const uint8_t mac_node[6], mac_device[6], mac_gateway[6], mac_neighbour[6];

/* A segment on the wire between the node's device and its gateway. */
static inline struct packet ack(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct packet){ .src = src, .sport = sport, .dst = dst, .dport = dport,
				.proto = IPPROTO_TCP, .tcp_flags = F_ACK, .payload = 100,
				.smac = mac_device, .dmac = mac_gateway };
}

#endif
