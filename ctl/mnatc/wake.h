/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP after an outage. What was in flight is lost, and with a window full of it both ends
 * wait for a retransmission timer that has doubled each time it ran out. RFC 6069 (TCP-LCD)
 * is the way to say that those losses were the path's and not congestion: an ICMP error,
 * destination unreachable, code 0 or 1, quoting the first segment not acknowledged. One
 * takes back one doubling; when the timer has run out by the new measure, the segment
 * leaves at once. So after an outage long enough for a timer to be doubled, both ends of
 * each connection get these errors: our stack as many as it has doublings, its peer as many
 * as it may have had. Linux does this at either end; others take such an error as a hint
 * and keep the connection (RFC 1122 4.2.3.9).
 *
 * What the peer was told last, before the outage, is kept from its beginning: an
 * acknowledgement that our stack sent since then was lost, and one that comes before the
 * peer has retransmitted makes it believe that the whole flight was only late (RFC 4015).
 */
#ifndef MNATC_WAKE_H
#define MNATC_WAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "mnat/abi.h"
#include "stack.h"

struct engine;

#define WAKE_MAX_PEERS 4096

struct wake {
	int fd;		    /* raw IPv4, headers by us */
	uint64_t silent_ns; /* since when nothing could come in; 0: something could */
	int tcp_fd;	    /* program node_tcp */
	/*
	 * Connections in use when that began, of the stack's addresses. A thread of its own
	 * reads them: the kernel goes through a table of some hundred thousand buckets for
	 * that, and a quick move must not wait.
	 */
	bool looking;
	uv_thread_t thread;
	struct stack_addresses ours;
	struct mnat_tcp *peers;
	size_t n_peers;
};

/* How often a timer was doubled in an outage: at 200 ms, 600 ms, 1.4 s ... (RFC 6298 5.5) */
unsigned int wake_doublings(uint64_t outage_ns);

/* Was the peer perhaps about to send, so long before the row was read? */
bool wake_is_in_use(const struct mnat_tcp *tcp, uint64_t ago_ns);

/* 0 or -errno; errors are printed. */
int wake_open(int tcp_fd, struct wake *wake);
void wake_close(struct wake *wake);

/* No packet has come in since then; only the first time counts. */
void wake_silent(struct engine *e, uint64_t since_ns);
/* It was not so. */
void wake_forget(struct engine *e);
/* Packets come and go again: wake the connections of the stack's addresses. */
void wake_now(struct engine *e);

#endif
