// SPDX-License-Identifier: GPL-2.0-only
/*
 * A steady UDP flow each way, to see what a move costs.
 *
 *   udpflow serve PORT               wait for one client, then send as fast as it does
 *   udpflow run ADDRESS PORT         until SIGTERM or -t; ends the server too
 *
 *   -n N  datagrams a second (1000)   -s N  bytes of payload (64)
 *   -t N  seconds                     -b N  local port       -g MS  list gaps from this on (5)
 *   -c    connect the socket, as most clients do: it keeps its own address then
 *
 * Each side prints one JSON object: what it sent, and what arrived from the other
 * side: received, lost (up to the last number the other side says it sent),
 * duplicated, reordered, corrupt, the longest gap and the list of gaps, and the
 * peer's address with the number of times it changed. SIGUSR1 asks for the time of
 * the last arrival, on standard error.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "gaps.h"

#define MAGIC	     0x75666c77u /* "uflw" */
#define MAX_PAYLOAD  9000
#define MAX_SEQUENCE (64u << 20)
#define GOODBYES     200 /* one every 10 ms: 2 seconds for the answer */

enum kind { DATA, GOODBYE, GOODBYE_ANSWER };

struct datagram {
	uint32_t magic;
	uint32_t kind;
	uint64_t sequence; /* DATA: from 0; GOODBYE: how many were sent */
	uint64_t sent_ns;
};

struct flow {
	int sock;
	bool server;
	struct sockaddr_in peer;
	unsigned int peer_changes;
	unsigned int payload;
	uint64_t sent;
	uint64_t send_errors;
	uint64_t received;
	uint64_t duplicated;
	uint64_t reordered;
	uint64_t corrupt;
	uint64_t next; /* one more than the highest number seen */
	uint64_t peer_sent;
	uint64_t slowest_ns;
	bool peer_done;
	struct gaps gaps;
	uint8_t seen[MAX_SEQUENCE / 8];
};

struct options {
	unsigned int rate;
	unsigned int payload;
	unsigned int seconds;
	unsigned int local_port;
	unsigned int gap_ms;
	bool connect;
};

static struct flow flow; /* 8 MB of bits: not on the stack */

static void send_one(struct flow *f, enum kind kind, uint64_t sequence)
{
	uint8_t buf[MAX_PAYLOAD] = {0};
	struct datagram d = {MAGIC, kind, sequence, mnat_clock_now()};

	memcpy(buf, &d, sizeof(d));
	if (sendto(f->sock, buf, f->payload, 0, (struct sockaddr *)&f->peer, sizeof(f->peer)) < 0)
		f->send_errors++;
}

static void take_data(struct flow *f, const struct datagram *d, uint64_t now)
{
	uint8_t bit = 1 << (d->sequence & 7);

	if (d->sequence >= MAX_SEQUENCE) {
		f->corrupt++;
		return;
	}
	if (f->seen[d->sequence / 8] & bit) {
		f->duplicated++;
		return;
	}
	f->seen[d->sequence / 8] |= bit;
	f->received++;
	if (now - d->sent_ns > f->slowest_ns)
		f->slowest_ns = now - d->sent_ns;
	if (d->sequence < f->next) {
		f->reordered++;
		return;
	}
	gaps_arrival(&f->gaps, now, d->sequence - f->next);
	f->next = d->sequence + 1;
}

static void follow_peer(struct flow *f, const struct sockaddr_in *from)
{
	if (f->peer.sin_addr.s_addr == from->sin_addr.s_addr && f->peer.sin_port == from->sin_port)
		return;
	if (f->peer.sin_port)
		f->peer_changes++;
	f->peer = *from;
}

static void receive_all(struct flow *f)
{
	uint8_t buf[MAX_PAYLOAD];
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	struct datagram d;
	ssize_t len;

	for (;; from_len = sizeof(from)) {
		len = recvfrom(f->sock, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
			       &from_len);
		if (len < 0)
			return;
		memcpy(&d, buf, len < (ssize_t)sizeof(d) ? (size_t)len : sizeof(d));
		if (len != (ssize_t)f->payload || d.magic != MAGIC) {
			f->corrupt++;
			continue;
		}
		if (f->server)
			follow_peer(f, &from);
		if (d.kind == DATA) {
			take_data(f, &d, mnat_clock_now());
			continue;
		}
		f->peer_sent = d.sequence;
		f->peer_done = true;
		if (d.kind == GOODBYE)
			send_one(f, GOODBYE_ANSWER, f->sent);
	}
}

static int every(uint64_t interval_ns)
{
	struct itimerspec spec = {
		.it_interval = {interval_ns / MNAT_NS_PER_SEC, interval_ns % MNAT_NS_PER_SEC},
		.it_value = {0, 1},
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0)
		timerfd_settime(fd, 0, &spec, NULL);
	return fd;
}

/* false: to stop; true: only to tell the last arrival, which is done here. */
static bool heard_question(const struct flow *f, int signal_fd)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != sizeof(info) || info.ssi_signo != SIGUSR1)
		return false;
	fprintf(stderr, "last at_us=%ju\n", (uintmax_t)(f->gaps.last_ns / 1000));
	return true;
}

/* Send on each tick and receive, until stopped, told goodbye, or out of time. */
static void converse(struct flow *f, int stop_fd, const struct options *o)
{
	int timer = every(MNAT_NS_PER_SEC / o->rate);
	struct pollfd fds[] = {{f->sock, POLLIN}, {timer, POLLIN}, {stop_fd, POLLIN}};
	uint64_t limit = o->seconds ? (uint64_t)o->seconds * o->rate : UINT64_MAX;
	uint64_t ticks;

	while (!f->peer_done && f->sent < limit) {
		poll(fds, 3, -1);
		if (fds[2].revents && !heard_question(f, stop_fd))
			break;
		receive_all(f);
		if (read(timer, &ticks, sizeof(ticks)) != sizeof(ticks))
			continue;
		if (f->peer_done || !f->peer.sin_port)
			continue;
		/* a late wake-up sends what it owes; a server owes nothing before its client came
		 */
		for (; ticks && f->sent < limit; ticks--)
			send_one(f, DATA, f->sent++);
	}
	close(timer);
}

static void say_goodbye(struct flow *f)
{
	struct pollfd fd = {f->sock, POLLIN};

	for (int i = 0; i < GOODBYES && !f->peer_done; i++) {
		send_one(f, GOODBYE, f->sent);
		poll(&fd, 1, 10);
		receive_all(f);
	}
}

static void report(const struct flow *f)
{
	char peer[INET_ADDRSTRLEN] = "";
	char text[INET_ADDRSTRLEN + 8];
	uint64_t lost = (f->peer_done ? f->peer_sent : f->next) - f->received;

	inet_ntop(AF_INET, &f->peer.sin_addr, peer, sizeof(peer));
	snprintf(text, sizeof(text), "%s:%u", peer, ntohs(f->peer.sin_port));
	print_json(json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:s,s:i,s:b,s:i,s:o}", "sent",
			     (json_int_t)f->sent, "send_errors", (json_int_t)f->send_errors,
			     "received", (json_int_t)f->received, "lost", (json_int_t)lost,
			     "duplicated", (json_int_t)f->duplicated, "reordered",
			     (json_int_t)f->reordered, "corrupt", (json_int_t)f->corrupt,
			     "longest_gap_ms", (double)f->gaps.longest_ns / 1e6, "slowest_ms",
			     (double)f->slowest_ns / 1e6, "peer", text, "peer_changes",
			     (int)f->peer_changes, "complete", (int)f->peer_done, "gaps_not_listed",
			     (int)f->gaps.dropped, "gaps", gaps_json(&f->gaps)));
}

static int open_socket(unsigned int port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int room = 8 << 20; /* a busy machine's delays are not to pass for the network's losses */

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		perror("udpflow: bind");
		exit(1);
	}
	return fd;
}

static int usage(void)
{
	fprintf(stderr, "usage: udpflow [-c] [-n RATE] [-s BYTES] [-t SECONDS] [-b PORT] "
			"[-g MS] serve PORT | run ADDRESS PORT\n");
	return 2;
}

static int parse_options(int argc, char **argv, struct options *ret_options)
{
	struct options o = {.rate = 1000, .payload = 64, .gap_ms = 5};
	int c;

	while ((c = getopt(argc, argv, "n:s:t:b:g:c")) != -1) {
		unsigned int value = optarg ? (unsigned int)strtoul(optarg, NULL, 10) : 0;

		switch (c) {
		case 'n':
			o.rate = value;
			break;
		case 's':
			o.payload = value;
			break;
		case 't':
			o.seconds = value;
			break;
		case 'b':
			o.local_port = value;
			break;
		case 'g':
			o.gap_ms = value;
			break;
		case 'c':
			o.connect = true;
			break;
		default:
			return -EINVAL;
		}
	}
	if (!o.rate || o.payload < sizeof(struct datagram) || o.payload > MAX_PAYLOAD)
		return -EINVAL;
	*ret_options = o;
	return 0;
}

int main(int argc, char **argv)
{
	struct flow *f = &flow;
	struct options o;
	int stop_fd;

	if (parse_options(argc, argv, &o) < 0)
		return usage();
	argv += optind;
	argc -= optind;
	f->payload = o.payload;
	f->gaps.threshold_ns = o.gap_ms * MNAT_NS_PER_MS;
	f->peer.sin_family = AF_INET;
	if (argc == 2 && !strcmp(argv[0], "serve")) {
		f->server = true;
		o.local_port = strtoul(argv[1], NULL, 10);
	} else if (argc == 3 && !strcmp(argv[0], "run")) {
		if (inet_pton(AF_INET, argv[1], &f->peer.sin_addr) != 1)
			return usage();
		f->peer.sin_port = htons(strtoul(argv[2], NULL, 10));
	} else {
		return usage();
	}

	stop_fd = stop_signals(SIGUSR1);
	f->sock = open_socket(o.local_port);
	if (o.connect && connect(f->sock, (struct sockaddr *)&f->peer, sizeof(f->peer)) < 0) {
		perror("udpflow: connect");
		return 1;
	}
	be_punctual();
	fprintf(stderr, "udpflow: ready\n");
	converse(f, stop_fd, &o);
	if (!f->server)
		say_goodbye(f);
	else
		usleep(50000); /* what is still under way counts as well */
	receive_all(f);
	report(f);
	return f->peer_done ? 0 : 1;
}
