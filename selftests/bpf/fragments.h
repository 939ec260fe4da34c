/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets in pieces, and what a program sends round to its own interface. */
#ifndef TEST_FRAGMENTS_H
#define TEST_FRAGMENTS_H

#include "gateway.h"

#define FRAGMENTS_MAX 64

struct frame {
	size_t len;
	uint8_t bytes[PACKET_MAX];
};

/* Bytes from .. from + len of a whole packet's payload, as its fragment. */
struct frame fragment_cut(const struct packet *p, size_t from, size_t len);

/* An end of the test network: its program, and what is sent round there. */
struct end {
	struct gateway *g;
	int prog_fd;
	int ifindex;
	int socket;
	size_t n_sent;
	struct frame sent[FRAGMENTS_MAX]; /* in the order they leave */
};

struct end *end_inside(struct gateway *g);
struct end *end_outside(struct gateway *g);

/* Run a frame, then all that came of it, until nothing is sent round any more. */
int end_run(struct end *end, const struct frame *frame);

#define ID_OF_OURS 0xffff

/* Identification of the nth frame that left. */
uint16_t end_id(const struct end *end, size_t n);

/*
 * The frames that left are these pieces of want, in this order; id ID_OF_OURS: all with one
 * identification, whichever it is.
 */
void expect_pieces(const struct end *end, const struct packet *want, const size_t (*pieces)[2],
		   size_t n);

#endif
