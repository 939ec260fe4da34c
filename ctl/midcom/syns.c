// SPDX-License-Identifier: GPL-2.0-only
#include "syns.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mnat/cleanup.h"
#include "mnat/log.h"

static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

void syns_answer(const struct mnat_syn *syn, struct syn_answer *ret_answer)
{
	struct iphdr about, ip = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_ICMP };
	struct icmphdr icmp = { .type = ICMP_DEST_UNREACH, .code = ICMP_PORT_UNREACH };
	uint8_t *out = ret_answer->bytes;

	memcpy(&about, syn->quote, sizeof(about));
	ip.tot_len = htons(sizeof(*ret_answer));
	ip.saddr = about.daddr;
	ip.daddr = about.saddr;
	ip.check = checksum(&ip, sizeof(ip));
	memcpy(out, &ip, sizeof(ip));
	memcpy(out + sizeof(ip), &icmp, sizeof(icmp));
	memcpy(out + sizeof(ip) + sizeof(icmp), syn->quote, sizeof(syn->quote));
	icmp.checksum = checksum(out + sizeof(ip), sizeof(*ret_answer) - sizeof(ip));
	memcpy(out + sizeof(ip), &icmp, sizeof(icmp));
}

static void send_raw(struct syns *syns, const struct syn_answer *answer, __be32 addr)
{
	const struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = addr };

	/* what does not go is as if lost on the way */
	(void)!sendto(syns->socket, answer, sizeof(*answer), MSG_DONTWAIT, (const void *)&to,
		      sizeof(to));
}

void syns_add(struct syns *syns, const struct mnat_syn *syn)
{
	if (syns->n == SYNS_MAX) {
		syns->dropped++;
		return;
	}
	syns->waiting[(syns->first + syns->n++) % SYNS_MAX] = *syn;
}

static bool is_taken(const struct syns *syns, const struct mnat_syn *syn)
{
	struct iphdr ip;
	uint16_t port;
	int64_t index;

	memcpy(&ip, syn->quote, sizeof(ip));
	memcpy(&port, (const uint8_t *)syn->quote + sizeof(ip) + sizeof(port), sizeof(port));
	index = mnat_binding_index(&syns->gateway->config, MNAT_TCP, ntohl(ip.daddr), ntohs(port));
	return index < 0 || __atomic_load_n(&syns->gateway->bindings[index].owner, __ATOMIC_RELAXED);
}

void syns_run(struct syns *syns)
{
	uint32_t now = syns->now();

	while (syns->n) {
		const struct mnat_syn *syn = &syns->waiting[syns->first];
		struct syn_answer answer;

		if ((int32_t)(now - syn->at) < SYNS_WAIT)
			return;
		if (!is_taken(syns, syn)) {
			struct iphdr about;

			memcpy(&about, syn->quote, sizeof(about));
			syns_answer(syn, &answer);
			syns->send(syns, &answer, about.saddr);
			syns->answered++;
		}
		syns->first = (syns->first + 1) % SYNS_MAX;
		syns->n--;
	}
}

static int on_syn(void *user, void *data, size_t size)
{
	if (size >= sizeof(struct mnat_syn))
		syns_add(user, data);
	return 0;
}

static void on_timer(uv_timer_t *timer)
{
	struct syns *syns = timer->data;

	ring_buffer__consume(syns->ring);
	syns_run(syns);
}

int syns_open(struct syns *syns, uv_loop_t *loop)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd < 0) {
		log_err("cannot open a raw socket to answer unsolicited SYNs: %m; run as root or "
			"with CAP_NET_RAW");
		return -errno;
	}
	syns->ring = ring_buffer__new(syns->gateway->syns_fd, on_syn, syns, NULL);
	if (!syns->ring) {
		log_err("the ring of unsolicited SYNs cannot be read: %m");
		return -errno;
	}
	syns->socket = TAKE_FD(fd);
	syns->send = send_raw;
	syns->timer.data = syns;
	uv_timer_init(loop, &syns->timer);
	uv_timer_start(&syns->timer, on_timer, 1000, 1000);
	return 0;
}

void syns_close(struct syns *syns)
{
	uv_close((uv_handle_t *)&syns->timer, NULL);
	ring_buffer__free(syns->ring);
	close(syns->socket);
}
