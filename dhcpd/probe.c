// SPDX-License-Identifier: GPL-2.0-only
#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <utlist.h>

#include "mnat/cleanup.h"
#include "mnat/clock.h"
#include "mnat/log.h"

#define BATCH 64 /* datagrams that are read at once */

struct probe {
	struct outgoing out;
	uint64_t deadline;
	struct probe *prev, *next;
};

struct prober {
	uv_poll_t poll;
	uv_timer_t timer;
	int fd;
	uint16_t id;
	uint64_t payload; /* that only who hears our requests can return */
	unsigned int n;
	struct probe *probes; /* in no order: a reload may have changed the time */
	const struct prober_ops *ops;
	void *user;
};

struct echo {
	struct icmphdr icmp;
	uint64_t payload;
} __attribute__((packed));

_Static_assert(sizeof(struct echo) == 16, "no holes: it is sent as it is");

/* RFC 1071 */
static uint16_t checksum(const struct echo *echo)
{
	uint16_t words[sizeof(*echo) / 2];
	uint32_t sum = 0;

	memcpy(words, echo, sizeof(*echo));
	for (size_t i = 0; i < sizeof(words) / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

static bool send_echo(struct prober *prober, uint32_t address)
{
	const struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(address)}};
	struct echo echo = {
		.icmp = {.type = ICMP_ECHO, .un.echo.id = prober->id},
		.payload = prober->payload,
	};

	echo.icmp.checksum = checksum(&echo);
	return sendto(prober->fd, &echo, sizeof(echo), MSG_DONTWAIT, (const struct sockaddr *)&to,
		      sizeof(to)) == sizeof(echo);
}

uint32_t probe_answer(const uint8_t *buf, size_t len, uint16_t id, uint64_t payload)
{
	struct iphdr ip;
	struct echo echo;

	if (len < sizeof(ip))
		return 0;
	memcpy(&ip, buf, sizeof(ip));
	if (ip.ihl < 5 || len < ip.ihl * 4u + sizeof(echo))
		return 0;
	memcpy(&echo, buf + ip.ihl * 4u, sizeof(echo));
	if (echo.icmp.type != ICMP_ECHOREPLY || echo.icmp.un.echo.id != id ||
	    echo.payload != payload)
		return 0;
	return ntohl(ip.saddr);
}

static struct probe *find(const struct prober *prober, uint32_t address)
{
	struct probe *probe;

	DL_SEARCH_SCALAR(prober->probes, probe, out.reply.probe, address);
	return probe;
}

static void finish(struct prober *prober, struct probe *probe, bool taken)
{
	DL_DELETE(prober->probes, probe);
	prober->n--;
	prober->ops->done(&probe->out, taken, prober->user);
	free(probe);
}

static void on_timer(uv_timer_t *timer);

static void arm(struct prober *prober)
{
	uint64_t now = mnat_clock_now(), first = UINT64_MAX;
	const struct probe *probe;

	DL_FOREACH(prober->probes, probe)
		first = probe->deadline < first ? probe->deadline : first;
	if (!prober->probes)
		return;
	uv_update_time(prober->timer.loop);
	uv_timer_start(&prober->timer, on_timer,
		       first > now ? (first - now) / MNAT_NS_PER_MS + 1 : 0, 0);
}

static void on_timer(uv_timer_t *timer)
{
	struct prober *prober = timer->data;
	uint64_t now = mnat_clock_now();
	struct probe *probe, *next;

	DL_FOREACH_SAFE(prober->probes, probe, next)
		if (probe->deadline <= now)
			finish(prober, probe, false);
	arm(prober);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct prober *prober = poll->data;
	uint8_t buf[256];
	ssize_t n;

	for (int i = 0; i < BATCH; i++) {
		n = recv(prober->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0)
			break;
		uint32_t address = probe_answer(buf, (size_t)n, prober->id, prober->payload);
		struct probe *probe = address ? find(prober, address) : NULL;

		if (probe)
			finish(prober, probe, true);
	}
}

bool prober_hold(struct prober *prober, const struct outgoing *out, uint32_t wait_ms)
{
	struct probe *probe = find(prober, out->reply.probe);

	if (probe) {
		probe->out = *out;
		return true;
	}
	if (prober->n >= PROBES_MAX || !send_echo(prober, out->reply.probe))
		return false;
	probe = malloc(sizeof(*probe));
	if (!probe)
		return false;
	*probe = (struct probe){.out = *out,
				.deadline = mnat_clock_now() + wait_ms * MNAT_NS_PER_MS};
	DL_APPEND(prober->probes, probe);
	prober->n++;
	arm(prober);
	return true;
}

int prober_open(uv_loop_t *loop, const struct prober_ops *ops, void *user,
		struct prober **ret_prober)
{
	const struct icmp_filter filter = {.data = ~(1u << ICMP_ECHOREPLY)};
	struct prober *prober = calloc(1, sizeof(*prober));
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMP);

	if (!prober || fd < 0 || setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) ||
	    getrandom(&prober->payload, sizeof(prober->payload), 0) < 0) {
		int r = prober ? -errno : -ENOMEM;

		log_err("no socket for probe = \"icmp\": %s; run as root, or with CAP_NET_RAW",
			strerror(-r));
		mnat_closep(&fd);
		free(prober);
		return r;
	}
	prober->fd = fd;
	prober->id = (uint16_t)prober->payload;
	prober->ops = ops;
	prober->user = user;
	uv_poll_init(loop, &prober->poll, fd);
	uv_timer_init(loop, &prober->timer);
	prober->poll.data = prober->timer.data = prober;
	uv_poll_start(&prober->poll, UV_READABLE, on_readable);
	*ret_prober = prober;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct prober *prober = handle->data;

	close(prober->fd);
	free(prober);
}

static void close_poll(uv_handle_t *handle)
{
	struct prober *prober = handle->data;

	uv_close((uv_handle_t *)&prober->poll, on_closed);
}

void prober_close(struct prober *prober)
{
	struct probe *probe, *next;

	if (!prober)
		return;
	DL_FOREACH_SAFE(prober->probes, probe, next)
		free(probe);
	prober->probes = NULL;
	uv_close((uv_handle_t *)&prober->timer, close_poll);
}
