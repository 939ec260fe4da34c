// SPDX-License-Identifier: GPL-2.0-only
/* What is beyond the uplink: does a packet of full size pass, do name servers answer? */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor.h"
#include "mnat/addr.h"
#include "mnat/cleanup.h"
#include "mnat/netlink.h"

#define ANSWER_MS 500
#define TRIES	  3
#define SMALL	  84
#define IP_ICMP	  28 /* headers */
#define BIGGEST	  65535

static uint16_t icmp_sum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

/* Is this, with its IP header, the answer to that number? */
static bool is_answer(const uint8_t *buf, ssize_t n, uint16_t id, uint16_t sequence)
{
	struct icmphdr icmp;
	size_t header = n > 0 ? (buf[0] & 15) * 4u : 0;

	if (header < 20 || n < (ssize_t)(header + sizeof(icmp)))
		return false;
	memcpy(&icmp, buf + header, sizeof(icmp));
	return icmp.type == ICMP_ECHOREPLY && icmp.un.echo.id == id &&
	       icmp.un.echo.sequence == sequence;
}

/* 0: an answer to an echo of size bytes, IP header counted, that must not be fragmented. */
static int ping(int fd, struct in_addr to, size_t size, uint16_t sequence)
{
	static uint8_t buf[BIGGEST];
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = to};
	struct icmphdr icmp = {.type = ICMP_ECHO};
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	memset(buf, 0, size);
	icmp.un.echo.id = htons((uint16_t)getpid());
	icmp.un.echo.sequence = htons(sequence);
	memcpy(buf, &icmp, sizeof(icmp));
	icmp.checksum = icmp_sum(buf, size - 20);
	memcpy(buf, &icmp, sizeof(icmp));
	if (sendto(fd, buf, size - 20, 0, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	for (int i = 0; i < 64 && poll(&poller, 1, ANSWER_MS) == 1; i++)
		if (is_answer(buf, recv(fd, buf, sizeof(buf), 0), icmp.un.echo.id,
			      icmp.un.echo.sequence))
			return 0;
	return -ETIMEDOUT;
}

static int ping_thrice(int fd, struct in_addr to, size_t size)
{
	static uint16_t sequence;
	int r = -ETIMEDOUT;

	for (int i = 0; i < TRIES && r == -ETIMEDOUT; i++)
		r = ping(fd, to, size, ++sequence);
	return r;
}

static uint32_t device_mtu(const struct doctor *d)
{
	_cleanup_(mnat_nl_closep) struct mnl_socket *nl = NULL;
	struct mnat_link link;

	if (mnat_nl_open(0, &nl) || mnat_link_get(nl, d->conf.device, &link))
		return 0;
	return link.mtu < BIGGEST ? link.mtu : BIGGEST;
}

/* 0.0.0.0: there is nobody to ask. */
static struct in_addr known_address(const struct doctor *d, const char *key)
{
	const char *text = json_string_value(json_object_get(d->status, key));
	struct in_addr addr = {};

	if (text)
		mnat_parse_ip(text, &addr);
	return addr;
}

void doctor_path_mtu(struct doctor *d)
{
	struct in_addr to = known_address(d, "manager");
	_cleanup_close_ int fd = -1;
	uint32_t mtu = device_mtu(d);
	int probe = IP_PMTUDISC_PROBE, r;
	char text[MNAT_IP_LEN];

	if (!to.s_addr)
		to = known_address(d, "gateway");
	if (!to.s_addr || mtu < SMALL)
		return;
	mnat_ip(to, text);
	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd < 0 || setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe)) ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, d->conf.device,
		       (socklen_t)strlen(d->conf.device) + 1)) {
		doctor_say(d, "mtu", FINDING_UNKNOWN, "only root can probe the path: use sudo");
		return;
	}
	r = ping_thrice(fd, to, SMALL);
	if (r) {
		doctor_say(d, "mtu", FINDING_UNKNOWN, "%s does not answer a ping (%s)", text,
			   strerror(-r));
		return;
	}
	r = ping_thrice(fd, to, mtu);
	if (r == -ETIMEDOUT)
		doctor_say(d, "mtu", FINDING_PROBLEM,
			   "%s answers small packets, but not those of %u bytes: a link on the way is "
			   "narrower and does not say so; lower the uplink's MTU (ip link set mtu)",
			   text, mtu);
	else if (r)
		doctor_say(d, "mtu", FINDING_UNKNOWN, "%u bytes to %s: %s", mtu, text, strerror(-r));
	else
		doctor_say(d, "mtu", FINDING_OK, "packets of %u bytes reach %s", mtu, text);
}

/* ---- names ---- */

bool doctor_name_server(const char *line, struct in_addr *ret_server)
{
	char text[MNAT_IP_LEN];
	size_t n = 0;

	while (isspace((unsigned char)*line))
		line++;
	if (strncmp(line, "nameserver", 10) || !isspace((unsigned char)line[10]))
		return false;
	line += 10;
	while (isspace((unsigned char)*line))
		line++;
	while (n < sizeof(text) - 1 && line[n] && !isspace((unsigned char)line[n])) {
		text[n] = line[n];
		n++;
	}
	text[n] = '\0';
	return !mnat_parse_ip(text, ret_server);
}

/* Who is the root of names? Any answer with our number will do (RFC 1035 4.1.1). */
static bool answers(struct in_addr server)
{
	uint8_t query[17] = {0x4d, 0x4e, 1, 0, 0, 1, [14] = 2, [16] = 1}, reply[512];
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(53),
		.sin_addr = server,
	};
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return false;
	for (int i = 0; i < TRIES; i++) {
		if (send(fd, query, sizeof(query), 0) < 0 || poll(&poller, 1, ANSWER_MS) != 1)
			continue;
		if (recv(fd, reply, sizeof(reply), 0) >= 12 && reply[0] == 0x4d && reply[1] == 0x4e)
			return true;
	}
	return false;
}

void doctor_names(struct doctor *d)
{
	_cleanup_fclose_ FILE *f = NULL;
	char line[256], text[MNAT_IP_LEN];
	struct in_addr server;
	int n = 0;

	if (d->conf.dns == MNAT_DNS_NONE)
		return;
	f = fopen(d->conf.resolv_conf, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!doctor_name_server(line, &server))
			continue;
		n++;
		mnat_ip(server, text);
		if (answers(server))
			doctor_say(d, "dns", FINDING_OK, "%s answers", text);
		else
			doctor_say(d, "dns", FINDING_PROBLEM, "the name server %s in %s does not "
				   "answer", text, d->conf.resolv_conf);
	}
	if (!n)
		doctor_say(d, "dns", FINDING_PROBLEM, "no name server of IPv4 in %s: names cannot be "
			   "found", d->conf.resolv_conf);
}
