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
#define AGAIN	   (2 * MNAT_NS_PER_MS) /* then four times as late, each time */
#define MAX_TRIES  4
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

bool wake_is_in_use(const struct mnat_tcp *tcp, uint64_t ago_ns)
{
	return tcp->receives && tcp->silence_ns <= ago_ns + IN_USE;
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

/* Reads wake->ours and nothing else that the main thread may change. 0 or -errno. */
static int walk(struct wake *wake, row_fn fn)
{
	_cleanup_close_ int link = bpf_link_create(wake->tcp_fd, 0, BPF_TRACE_ITER, NULL);
	_cleanup_close_ int fd = link < 0 ? -1 : bpf_iter_create(link);
	struct mnat_tcp rows[ROWS];
	ssize_t len = -1;

	while (fd >= 0 && (len = read(fd, rows, sizeof(rows))) > 0)
		for (size_t i = 0; i < (size_t)len / sizeof(rows[0]); i++)
			if (is_ours(&wake->ours, rows[i].local))
				fn(wake, &rows[i]);
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
	const struct packet_segment lost = {
		{tcp->remote}, {tcp->local}, tcp->remote_port, tcp->port, tcp->acked};

	tell(wake, lost.to, &lost, times);
}

static void tell_stack(const struct wake *wake, const struct mnat_tcp *tcp)
{
	const struct packet_segment lost = {
		{tcp->local}, {tcp->remote}, tcp->port, tcp->remote_port, tcp->snd_una};

	tell(wake, lost.from, &lost, tcp->backoff < MAX_ERRORS ? tcp->backoff : MAX_ERRORS);
}

static void keep_peer(struct wake *wake, const struct mnat_tcp *tcp)
{
	uint64_t ago_ns = mnat_clock_now() - wake->silent_ns;

	if (wake_is_in_use(tcp, ago_ns) && wake->n_peers < WAKE_MAX)
		wake->peers[wake->n_peers++] = *tcp;
}

static void keep_stack(struct wake *wake, const struct mnat_tcp *tcp)
{
	if (tcp->backoff && wake->n_stack < WAKE_MAX)
		wake->stack[wake->n_stack++] = *tcp;
}

/* Again until no timer of ours is doubled; not for ever, the path may be dead once more. */
static void tell_all(struct wake *wake, uint64_t outage_ns)
{
	wake->n_stack = 0;
	walk(wake, keep_stack);
	for (size_t i = 0; i < wake->n_peers || i < wake->n_stack; i++) {
		if (i < wake->n_peers)
			tell_peer(wake, &wake->peers[i], wake_doublings(outage_ns));
		if (i < wake->n_stack)
			tell_stack(wake, &wake->stack[i]);
	}
	wake->n_peers = 0;
	wake->again_ns = wake->n_stack && ++wake->tries < MAX_TRIES
				 ? mnat_clock_now() + (AGAIN << 2 * (wake->tries - 1))
				 : NEVER;
}

/* ---- when ---- */

static void look(void *user)
{
	walk(user, keep_peer);
}

static void end_looking(struct wake *wake)
{
	if (wake->looking)
		uv_thread_join(&wake->thread);
	wake->looking = false;
}

void wake_silent(struct engine *e, uint64_t since_ns)
{
	struct wake *wake = &e->wake;

	if (wake->silent_ns)
		return;
	wake->silent_ns = since_ns;
	wake->again_ns = NEVER;
	visit_addresses(e, &e->fsm.lease, &wake->ours);
	wake->looking = !uv_thread_create(&wake->thread, look, wake);
}

void wake_tick(struct engine *e)
{
	if (mnat_clock_now() >= e->wake.again_ns)
		tell_all(&e->wake, 0);
}

uint64_t wake_deadline(const struct engine *e)
{
	return e->wake.again_ns;
}

void wake_forget(struct engine *e)
{
	end_looking(&e->wake);
	e->wake.silent_ns = 0;
	e->wake.n_peers = 0;
}

void wake_now(struct engine *e)
{
	struct wake *wake = &e->wake;
	uint64_t outage = mnat_clock_now() - wake->silent_ns;

	if (wake->silent_ns && outage >= TIMER) {
		end_looking(wake);
		visit_addresses(e, &e->fsm.lease, &wake->ours);
		wake->tries = 0;
		tell_all(wake, outage);
		action_record(e, MOVE_TCP_WOKEN);
	}
	wake_forget(e);
}

int wake_open(int tcp_fd, struct wake *wake)
{
	wake->tcp_fd = tcp_fd;
	wake->peers = calloc(2 * WAKE_MAX, sizeof(*wake->peers));
	wake->stack = wake->peers ? wake->peers + WAKE_MAX : NULL;
	wake->fd = wake->peers ? socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW) : -1;
	if (wake->fd >= 0)
		return 0;
	log_err("no raw socket to tell TCP of an outage: %m");
	return -errno;
}

void wake_close(struct wake *wake)
{
	end_looking(wake);
	mnat_closep(&wake->fd);
	wake->fd = -1;
	free(wake->peers);
	wake->peers = NULL;
}
