// SPDX-License-Identifier: GPL-2.0-only
#include "mnat/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mnat_parse_ip(const char *text, struct in_addr *ret_addr)
{
	struct in_addr addr;

	if (inet_pton(AF_INET, text, &addr) != 1)
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}

/* A decimal number up to max that takes the whole text. */
static int parse_number(const char *text, unsigned long max, uint32_t *ret_number)
{
	unsigned long number;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || *end || number > max)
		return -EINVAL;
	*ret_number = (uint32_t)number;
	return 0;
}

/* Split text at the first sep into two copies. */
static int split(const char *text, char sep, char left[32], char right[32])
{
	const char *at = strchr(text, sep);

	if (!at || at - text >= 32 || strlen(at + 1) >= 32)
		return -EINVAL;
	memcpy(left, text, (size_t)(at - text));
	left[at - text] = '\0';
	memcpy(right, at + 1, strlen(at + 1) + 1);
	return 0;
}

int mnat_parse_prefix(const char *text, struct mnat_range *ret_range)
{
	char left[32], right[32];
	struct in_addr addr;
	uint32_t length, mask;

	if (split(text, '/', left, right) || mnat_parse_ip(left, &addr) ||
	    parse_number(right, 32, &length))
		return -EINVAL;
	mask = length ? UINT32_MAX << (32 - length) : 0;
	if (ntohl(addr.s_addr) & ~mask)
		return -EINVAL;
	ret_range->first = ntohl(addr.s_addr);
	ret_range->last = ntohl(addr.s_addr) | ~mask;
	return 0;
}

int mnat_parse_range(const char *text, struct mnat_range *ret_range)
{
	char left[32], right[32];
	struct in_addr first, last;

	if (strchr(text, '/'))
		return mnat_parse_prefix(text, ret_range);
	if (strchr(text, '-')) {
		if (split(text, '-', left, right) || mnat_parse_ip(left, &first) ||
		    mnat_parse_ip(right, &last))
			return -EINVAL;
	} else {
		if (mnat_parse_ip(text, &first))
			return -EINVAL;
		last = first;
	}
	if (ntohl(first.s_addr) > ntohl(last.s_addr))
		return -EINVAL;
	ret_range->first = ntohl(first.s_addr);
	ret_range->last = ntohl(last.s_addr);
	return 0;
}

int mnat_parse_ports(const char *text, struct mnat_range *ret_range)
{
	char left[32], right[32];
	uint32_t first, last;

	if (strchr(text, '-')) {
		if (split(text, '-', left, right) || parse_number(left, 65535, &first) ||
		    parse_number(right, 65535, &last))
			return -EINVAL;
	} else {
		if (parse_number(text, 65535, &first))
			return -EINVAL;
		last = first;
	}
	if (!first || first > last)
		return -EINVAL;
	ret_range->first = first;
	ret_range->last = last;
	return 0;
}

int mnat_parse_pool(const char *text, struct mnat_range *ret_range, struct mnat_range *ret_ports)
{
	char left[32], right[32];
	struct mnat_range range;

	if (!strchr(text, ':'))
		return mnat_parse_range(text, ret_range);
	if (split(text, ':', left, right) || mnat_parse_range(left, &range) ||
	    mnat_parse_ports(right, ret_ports))
		return -EINVAL;
	*ret_range = range;
	return 0;
}

int mnat_parse_endpoint(const char *text, uint16_t port, struct sockaddr_in *ret_endpoint)
{
	struct sockaddr_in endpoint = {.sin_family = AF_INET};
	struct mnat_range ports = {port, port};
	size_t len = strcspn(text, ":");
	char ip[MNAT_IP_LEN] = "";

	if (len < sizeof(ip))
		memcpy(ip, text, len);
	if (mnat_parse_ip(ip, &endpoint.sin_addr) ||
	    (text[len] && (mnat_parse_ports(text + len + 1, &ports) || ports.first != ports.last)))
		return -EINVAL;
	endpoint.sin_port = htons((uint16_t)ports.first);
	*ret_endpoint = endpoint;
	return 0;
}

int mnat_parse_mac(const char *text, uint8_t ret_mac[6])
{
	unsigned int b[6];
	char rest;

	if (strlen(text) != 17 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &rest) != 6)
		return -EINVAL;
	for (int i = 0; i < 6; i++)
		ret_mac[i] = (uint8_t)b[i];
	return 0;
}

const char *mnat_ip(struct in_addr addr, char buf[MNAT_IP_LEN])
{
	return inet_ntop(AF_INET, &addr, buf, MNAT_IP_LEN);
}

const char *mnat_mac(const uint8_t mac[6], char buf[MNAT_MAC_LEN])
{
	snprintf(buf, MNAT_MAC_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}
