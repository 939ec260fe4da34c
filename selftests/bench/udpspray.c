// SPDX-License-Identifier: GPL-2.0-only
/*
 * One small datagram in each of many sessions: fills a gateway's tables.
 *
 *   udpspray [-r RATE] [-a LOCAL] -p PORTS -n SESSIONS FIRST_ADDRESS
 *
 * SESSIONS are spread over PORTS local ports; a port's sessions go to successive
 * remote ports, then addresses. RATE datagrams a second (50000).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST_LOCAL_PORT  10000
#define FIRST_REMOTE_PORT 1024
#define REMOTE_PORTS	  60000
#define BURST		  50

static void pause_ns(long ns)
{
	struct timespec ts = {ns / 1000000000, ns % 1000000000};

	nanosleep(&ts, NULL);
}

static int *open_ports(struct in_addr local, unsigned int n)
{
	struct rlimit limit = {n + 64, n + 64};
	int *socks = calloc(n, sizeof(*socks));

	setrlimit(RLIMIT_NOFILE, &limit);
	for (unsigned int i = 0; socks && i < n; i++) {
		struct sockaddr_in addr = {
			.sin_family = AF_INET,
			.sin_addr = local,
			.sin_port = htons(FIRST_LOCAL_PORT + i),
		};

		socks[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (socks[i] < 0 || bind(socks[i], (struct sockaddr *)&addr, sizeof(addr)) < 0) {
			perror("udpspray: bind");
			exit(1);
		}
	}
	return socks;
}

int main(int argc, char **argv)
{
	unsigned int rate = 50000, ports = 0, sessions = 0;
	struct in_addr first, local = {INADDR_ANY};
	int c, *socks;

	while ((c = getopt(argc, argv, "r:p:n:a:")) != -1) {
		unsigned int value = optarg ? (unsigned int)strtoul(optarg, NULL, 10) : 0;

		switch (c) {
		case 'r':
			rate = value;
			break;
		case 'p':
			ports = value;
			break;
		case 'n':
			sessions = value;
			break;
		case 'a':
			inet_pton(AF_INET, optarg, &local);
			break;
		default:
			ports = 0;
		}
	}
	if (!rate || !ports || !sessions || optind + 1 != argc ||
	    inet_pton(AF_INET, argv[optind], &first) != 1) {
		fprintf(stderr, "usage: udpspray [-r RATE] [-a LOCAL] -p PORTS -n SESSIONS "
				"FIRST_ADDRESS\n");
		return 2;
	}

	socks = open_ports(local, ports);
	for (unsigned int i = 0; socks && i < sessions; i++) {
		unsigned int remote = i / ports;
		struct sockaddr_in to = {
			.sin_family = AF_INET,
			.sin_port = htons(FIRST_REMOTE_PORT + remote % REMOTE_PORTS),
			.sin_addr.s_addr = htonl(ntohl(first.s_addr) + remote / REMOTE_PORTS),
		};

		sendto(socks[i % ports], "spray", 5, 0, (struct sockaddr *)&to, sizeof(to));
		if (i % BURST == BURST - 1)
			pause_ns(1000000000l / rate * BURST);
	}
	return socks ? 0 : 1;
}
