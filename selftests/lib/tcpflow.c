// SPDX-License-Identifier: GPL-2.0-only
/*
 * A byte stream each way over one TCP connection, to see that it arrives whole.
 *
 *   tcpflow serve PORT               one connection
 *   tcpflow run ADDRESS PORT         until SIGTERM or -t
 *
 *   -r N  bytes a second each way (1000000, 0: as fast as it goes)
 *   -t N  seconds       -b N  local port       -g MS  list gaps from this on (20)
 *
 * The client stops first, the server when it has read all. Each side prints one
 * JSON object: bytes and SHA-256 of what it sent and of what it received, the
 * longest time without data, and both ends of the connection as it sees them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gaps.h"

#define CHUNK	16384
#define TICK_MS 5

struct half {
	uint64_t bytes;
	EVP_MD_CTX *sha;
};

struct stream {
	int sock;
	uint64_t rate;
	uint64_t start_ns;
	uint64_t next_ns; /* of the next piece to send */
	uint64_t random; /* xorshift64 */
	struct half out;
	struct half in;
	bool out_done;
	bool in_done;
	int error;
	struct gaps gaps;
	size_t pending; /* bytes of buf not yet accepted by the kernel */
	size_t offset;
	uint8_t buf[CHUNK];
};

struct options {
	uint64_t rate;
	unsigned int seconds;
	unsigned int local_port;
	unsigned int gap_ms;
};

static void account(struct half *half, const void *data, size_t len)
{
	half->bytes += len;
	EVP_DigestUpdate(half->sha, data, len);
}

static void half_init(struct half *half)
{
	half->sha = EVP_MD_CTX_new();
	EVP_DigestInit_ex(half->sha, EVP_sha256(), NULL);
}

static void half_hex(struct half *half, char hex[EVP_MAX_MD_SIZE * 2 + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;

	EVP_DigestFinal_ex(half->sha, digest, &len);
	EVP_MD_CTX_free(half->sha);
	for (unsigned int i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
}

static void refill(struct stream *s)
{
	for (size_t i = 0; i < CHUNK; i += sizeof(s->random)) {
		s->random ^= s->random << 13;
		s->random ^= s->random >> 7;
		s->random ^= s->random << 17;
		memcpy(s->buf + i, &s->random, sizeof(s->random));
	}
	s->pending = CHUNK;
	s->offset = 0;
}

/* How long until the next piece is due, in ms: pieces gather for a tick. */
static int pause_ms(const struct stream *s)
{
	uint64_t now = mnat_clock_now();

	if (!s->rate || s->out_done)
		return 1000;
	return now < s->next_ns ? (int)((s->next_ns - now) / MNAT_NS_PER_MS) + 1 : 0;
}

/* How many bytes may be sent by now, so that the stream keeps its pace. */
static uint64_t allowance(const struct stream *s)
{
	uint64_t due;

	if (!s->rate)
		return UINT64_MAX;
	due = (mnat_clock_now() - s->start_ns) / 1000 * s->rate / 1000000;
	return due > s->out.bytes ? due - s->out.bytes : 0;
}

static void pump_out(struct stream *s)
{
	uint64_t may = allowance(s);

	if (s->rate && mnat_clock_now() < s->next_ns)
		return;
	s->next_ns = mnat_clock_now() + TICK_MS * MNAT_NS_PER_MS;
	while (may && !s->error) {
		ssize_t n;

		if (!s->pending)
			refill(s);
		n = send(s->sock, s->buf + s->offset, s->pending < may ? s->pending : may,
			 MSG_DONTWAIT);
		if (n < 0) {
			if (errno != EAGAIN)
				s->error = errno;
			return;
		}
		account(&s->out, s->buf + s->offset, n);
		s->offset += n;
		s->pending -= n;
		may -= n;
	}
}

static void pump_in(struct stream *s)
{
	static uint8_t buf[256 * 1024];
	ssize_t n = recv(s->sock, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0) {
		account(&s->in, buf, n);
		gaps_arrival(&s->gaps, mnat_clock_now(), 0);
	} else if (n == 0) {
		s->in_done = true;
	} else if (errno != EAGAIN) {
		s->error = errno;
	}
}

static void finish_sending(struct stream *s)
{
	if (!s->out_done)
		shutdown(s->sock, SHUT_WR);
	s->out_done = true;
}

static void converse(struct stream *s, int stop_fd, const struct options *o, bool server)
{
	uint64_t end = o->seconds ? s->start_ns + o->seconds * MNAT_NS_PER_SEC : UINT64_MAX;

	while (!s->error && !(s->in_done && s->out_done)) {
		bool eager = !s->rate && !s->out_done;
		struct pollfd fds[] = {
			{s->sock, (s->in_done ? 0 : POLLIN) | (eager ? POLLOUT : 0)},
			{s->out_done ? -1 : stop_fd, POLLIN},
		};

		poll(fds, 2, pause_ms(s));
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
			pump_in(s);
		if (fds[1].revents || (!server && mnat_clock_now() > end) || (server && s->in_done))
			finish_sending(s);
		if (!s->out_done)
			pump_out(s);
	}
}

static void endpoint(int sock, int (*name)(int, struct sockaddr *, socklen_t *), char text[32])
{
	struct sockaddr_in addr = {0};
	socklen_t len = sizeof(addr);
	char ip[INET_ADDRSTRLEN] = "";

	name(sock, (struct sockaddr *)&addr, &len);
	inet_ntop(AF_INET, &addr.sin_addr, ip, sizeof(ip));
	snprintf(text, 32, "%s:%u", ip, ntohs(addr.sin_port));
}

static void report(struct stream *s, const char *local, const char *peer)
{
	char out[EVP_MAX_MD_SIZE * 2 + 1], in[EVP_MAX_MD_SIZE * 2 + 1];

	half_hex(&s->out, out);
	half_hex(&s->in, in);
	print_json(json_pack(
		"{s:I,s:s,s:I,s:s,s:f,s:s,s:s,s:s,s:o}", "sent", (json_int_t)s->out.bytes,
		"sent_sha256", out, "received", (json_int_t)s->in.bytes, "received_sha256", in,
		"longest_gap_ms", (double)s->gaps.longest_ns / 1e6, "local", local, "peer", peer,
		"error", s->error ? strerror(s->error) : "", "gaps", gaps_json(&s->gaps)));
}

static void die(const char *what)
{
	fprintf(stderr, "tcpflow: %s: %m\n", what);
	exit(1);
}

static int bound_socket(unsigned int port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die("bind");
	return fd;
}

static int accept_one(unsigned int port)
{
	int listener = bound_socket(port);
	int sock;

	if (listen(listener, 1) < 0)
		die("listen");
	fprintf(stderr, "tcpflow: ready\n");
	sock = accept(listener, NULL, NULL);
	if (sock < 0)
		die("accept");
	close(listener);
	return sock;
}

static int connect_to(const char *address, unsigned int port, unsigned int local_port)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
	int sock = bound_socket(local_port);

	if (inet_pton(AF_INET, address, &addr.sin_addr) != 1) {
		fprintf(stderr, "tcpflow: %s is not an IPv4 address\n", address);
		exit(2);
	}
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		die("connect");
	fprintf(stderr, "tcpflow: connected\n");
	return sock;
}

static int usage(void)
{
	fprintf(stderr, "usage: tcpflow [-r BYTES/S] [-t SECONDS] [-b PORT] [-g MS] "
			"serve PORT | run ADDRESS PORT\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct options o = {.rate = 1000000, .gap_ms = 20};
	static struct stream s;
	char local[32], peer[32];
	bool server;
	int c, stop_fd;

	while ((c = getopt(argc, argv, "r:t:b:g:")) != -1) {
		switch (c) {
		case 'r':
			o.rate = strtoull(optarg, NULL, 10);
			break;
		case 't':
			o.seconds = strtoul(optarg, NULL, 10);
			break;
		case 'b':
			o.local_port = strtoul(optarg, NULL, 10);
			break;
		case 'g':
			o.gap_ms = strtoul(optarg, NULL, 10);
			break;
		default:
			return usage();
		}
	}
	argv += optind;
	server = argc - optind == 2 && !strcmp(argv[0], "serve");
	if (!server && (argc - optind != 3 || strcmp(argv[0], "run")))
		return usage();

	s.sock = server ? accept_one(strtoul(argv[1], NULL, 10))
			: connect_to(argv[1], strtoul(argv[2], NULL, 10), o.local_port);
	stop_fd = stop_signals(0);
	endpoint(s.sock, getsockname, local);
	endpoint(s.sock, getpeername, peer);
	s.rate = o.rate;
	s.random = 0x9e3779b97f4a7c15ull + server;
	s.gaps.threshold_ns = o.gap_ms * MNAT_NS_PER_MS;
	half_init(&s.out);
	half_init(&s.in);
	be_punctual();
	s.start_ns = mnat_clock_now();
	converse(&s, stop_fd, &o, server);
	report(&s, local, peer);
	return s.error ? 1 : 0;
}
