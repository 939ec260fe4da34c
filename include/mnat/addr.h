/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv4 addresses, ranges and prefixes as users write them. */
#ifndef MNAT_ADDR_H
#define MNAT_ADDR_H

#include <netinet/in.h>
#include <stdint.h>

/* An inclusive range in host order. */
struct mnat_range {
	uint32_t first;
	uint32_t last;
};

/* All return 0, or -EINVAL and write nothing. */
int mnat_parse_ip(const char *text, struct in_addr *ret_addr);
int mnat_parse_prefix(const char *text, struct mnat_range *ret_range); /* 10.0.1.0/24 */
int mnat_parse_range(const char *text, struct mnat_range *ret_range); /* a-b, a, or a prefix */
int mnat_parse_ports(const char *text, struct mnat_range *ret_range); /* 8000-10000 or 8000 */
/* A range, and with ":8000-10000" behind it *ret_ports, which is left alone otherwise. */
int mnat_parse_pool(const char *text, struct mnat_range *ret_range, struct mnat_range *ret_ports);
/* 10.0.0.1:7627, or 10.0.0.1 alone: its port is `port` */
int mnat_parse_endpoint(const char *text, uint16_t port, struct sockaddr_in *ret_endpoint);
int mnat_parse_mac(const char *text, uint8_t ret_mac[6]);	       /* 02:00:00:00:00:01 */

#define MNAT_IP_LEN INET_ADDRSTRLEN
#define MNAT_MAC_LEN 18

/* Write into buf and return it. */
const char *mnat_ip(struct in_addr addr, char buf[MNAT_IP_LEN]);
const char *mnat_mac(const uint8_t mac[6], char buf[MNAT_MAC_LEN]);

#endif
