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
 * An acknowledgement sent since the outage began was lost. If the next one comes to an end
 * before that has retransmitted, it passes for proof that the whole flight was only late
 * (RFC 4015), and the end waits. So what the peer was told last is kept from the beginning
 * of the outage, and both ends are told within microseconds, sooner than they hear of each
 * other.
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

#define WAKE_MAX 4096 /* connections */

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
	struct mnat_tcp *stack; /* connections of ours whose timers are doubled */
	size_t n_stack;
	/* our stack drops an error about a socket that a program is just using: once more */
	unsigned int tries;
	uint64_t again_ns; /* NEVER: enough */
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
void wake_tick(struct engine *e);
uint64_t wake_deadline(const struct engine *e);

#endif
