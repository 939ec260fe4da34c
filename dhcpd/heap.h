/* SPDX-License-Identifier: GPL-2.0-only */
/* A binary heap of expiry times, kept inside the things that expire. */
#ifndef DHCPD_HEAP_H
#define DHCPD_HEAP_H

#include <stddef.h>
#include <stdint.h>

struct heap_node {
	uint64_t when;
	size_t place; /* 1-based; 0: in no heap */
};

struct heap {
	struct heap_node **node; /* from 1 */
	size_t n;
	size_t room;
};

/* Insert node, or move it to another time. 0 or -ENOMEM (a node already in never fails). */
int heap_set(struct heap *heap, struct heap_node *node, uint64_t when);
void heap_remove(struct heap *heap, struct heap_node *node);
struct heap_node *heap_first(const struct heap *heap); /* NULL: empty */
void heap_done(struct heap *heap);

#endif
