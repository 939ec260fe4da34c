// SPDX-License-Identifier: GPL-2.0-only
#include "wake.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "mnat/cleanup.h"
#include "mnat/log.h"

#define TIMER	   (200 * MNAT_NS_PER_MS) /* Linux's shortest; RFC 6298 has a second */
#define IN_USE	   (1 * MNAT_NS_PER_SEC)
#define MAX_ERRORS 8
#define ROWS	   64

unsigned int wake_doublings(uint64_t outage_ns)
{
	unsigned int n = 0;

	for (uint64_t run_out = TIMER, timer = TIMER; run_out <= outage_ns && n < MAX_ERRORS; n++) {
		timer *= 2;
		run_out += timer;
	}
	return n;
}

bool wake_is_in_use(const struct mnat_tcp *tcp)
{
	return tcp->receives && tcp->silence_ns <= IN_USE;
}

/* ---- the connections ---- */

/* Is it one that the shim carries? The node may have others, on other interfaces. */
static bool is_ours(const struct stack_addresses *ours, __be32 local)
{
	bool found = local == ours->preferred.s_addr;

	for (int i = 0; i < ours->n_old; i++)
		found |= local == ours->old[i].s_addr;
	return found;
}

typedef void (*row_fn)(struct wake *wake, const struct mnat_tcp *tcp);

/* 0 or -errno. */
static int walk(struct engine *e, row_fn fn)
{
	_cleanup_close_ int link = bpf_link_create(e->shim.node.tcp_fd, 0, BPF_TRACE_ITER, NULL);
	_cleanup_close_ int fd = link < 0 ? -1 : bpf_iter_create(link);
	struct stack_addresses ours;
	struct mnat_tcp rows[ROWS];
	ssize_t len = -1;

	visit_addresses(e, &e->fsm.lease, &ours);
	while (fd >= 0 && (len = read(fd, rows, sizeof(rows))) > 0)
		for (size_t i = 0; i < (size_t)len / sizeof(rows[0]); i++)
			if (is_ours(&ours, rows[i].local))
				fn(&e->wake, &rows[i]);
	if (!len)
		return 0;
	log_warn("the TCP connections cannot be read: %m");
	return -errno;
}

/* ---- the errors ---- */

/* To our stack by the loopback device, to the peer by the shim, as any packet. */
static void tell(const struct wake *wake, struct in_addr from, const struct packet_segment *lost,
		 unsigned int times)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = lost->from};
	uint8_t packet[PACKET_UNREACHABLE];

	packet_unreachable_build(from, lost, packet);
	while (times-- > 0)
		if (sendto(wake->fd, packet, sizeof(packet), MSG_DONTWAIT, (void *)&to,
			   sizeof(to)) < 0)
			log_debug("a connection cannot be woken: %m");
}

static void tell_peer(const struct wake *wake, const struct mnat_tcp *tcp, unsigned int times)
{
	const struct packet_segment lost = {{tcp->remote}, {tcp->local}, tcp->remote_port,
					    tcp->port, tcp->acked};

	tell(wake, lost.to, &lost, times);
}

static void tell_stack(struct wake *wake, const struct mnat_tcp *tcp)
{
	const struct packet_segment lost = {{tcp->local}, {tcp->remote}, tcp->port,
					    tcp->remote_port, tcp->snd_una};

	tell(wake, lost.from, &lost, tcp->backoff < MAX_ERRORS ? tcp->backoff : MAX_ERRORS);
}

static void keep_peer(struct wake *wake, const struct mnat_tcp *tcp)
{
	if (wake_is_in_use(tcp) && wake->n_peers < WAKE_MAX_PEERS)
		wake->peers[wake->n_peers++] = *tcp;
}

/* ---- when ---- */

void wake_silent(struct engine *e, uint64_t since_ns)
{
	if (e->wake.silent_ns)
		return;
	e->wake.silent_ns = since_ns;
	walk(e, keep_peer);
}

void wake_forget(struct engine *e)
{
	e->wake.silent_ns = 0;
	e->wake.n_peers = 0;
}

/* The peers first: what our stack sends again acknowledges what came before the outage. */
void wake_now(struct engine *e)
{
	uint64_t outage = mnat_clock_now() - e->wake.silent_ns;

	if (e->wake.silent_ns && outage >= TIMER) {
		for (size_t i = 0; i < e->wake.n_peers; i++)
			tell_peer(&e->wake, &e->wake.peers[i], wake_doublings(outage));
		walk(e, tell_stack);
		action_record(e, MOVE_TCP_WOKEN);
	}
	wake_forget(e);
}

int wake_open(struct wake *wake)
{
	wake->peers = calloc(WAKE_MAX_PEERS, sizeof(*wake->peers));
	wake->fd = wake->peers ? socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW) : -1;
	if (wake->fd >= 0)
		return 0;
	log_err("no raw socket to tell TCP of an outage: %m");
	return -errno;
}

void wake_close(struct wake *wake)
{
	mnat_closep(&wake->fd);
	wake->fd = -1;
	free(wake->peers);
	wake->peers = NULL;
}
