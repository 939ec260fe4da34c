// SPDX-License-Identifier: GPL-2.0-only
#include "conf_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/dhcp.h"
#include "mnat/hex.h"

#define MAX_VALUE 1024 /* bytes of an option: more fits no answer */

struct bytes {
	uint8_t at[MAX_VALUE];
	size_t len;
	bool full;
};

static void append(struct bytes *bytes, const void *data, size_t len)
{
	if (sizeof(bytes->at) - bytes->len < len) {
		bytes->full = true;
		return;
	}
	memcpy(bytes->at + bytes->len, data, len);
	bytes->len += len;
}

/* ---- one setting's value as bytes; false: the text is wrong ---- */

static bool put_address(const char *text, struct bytes *bytes)
{
	struct in_addr addr;

	if (mnat_parse_ip(text, &addr))
		return false;
	append(bytes, &addr, sizeof(addr));
	return true;
}

static bool put_text(const char *text, struct bytes *bytes)
{
	append(bytes, text, strlen(text));
	return *text;
}

/* RFC 3442: length of the prefix, its significant bytes, the router. */
static bool put_route(const char *text, struct bytes *bytes)
{
	char prefix[32], router[32];
	struct mnat_range range;
	uint32_t first;
	uint8_t bits;

	if (sscanf(text, "%31s %31s", prefix, router) != 2 || mnat_parse_prefix(prefix, &range))
		return false;
	bits = (uint8_t)(range.first == range.last ? 32 : __builtin_clz(range.last - range.first));
	first = htonl(range.first);
	append(bytes, &bits, 1);
	append(bytes, &first, (bits + 7u) / 8);
	return put_address(router, bytes);
}

/* Where the rest of a name, labels and all, has been written already; or -1. */
static int written(const struct bytes *bytes, const char *name)
{
	char known[256];

	for (size_t start = 0; start < bytes->len && start < 0x3fff;) {
		size_t used = 0, at = start;

		while (at < bytes->len && bytes->at[at] && bytes->at[at] < 0xc0) {
			memcpy(known + used, bytes->at + at + 1, bytes->at[at]);
			used += bytes->at[at];
			known[used++] = '.';
			at += 1 + (size_t)bytes->at[at];
		}
		if (used && at < bytes->len && !bytes->at[at] && used - 1 == strlen(name) &&
		    !memcmp(known, name, used - 1))
			return (int)start;
		/* the next label, or beyond the end or pointer of this name */
		start += bytes->at[start] >= 0xc0 ? 2 : 1 + (size_t)bytes->at[start];
	}
	return -1;
}

/* RFC 3397: names as in DNS, with pointers to tails that are there already. */
static bool put_name(const char *text, struct bytes *bytes)
{
	if (!*text || strlen(text) > 253)
		return false;
	while (*text) {
		int earlier = written(bytes, text);
		size_t label = strcspn(text, ".");
		uint8_t head[2] = {(uint8_t)label};

		if (earlier >= 0) {
			head[0] = (uint8_t)(0xc0 | earlier >> 8);
			head[1] = (uint8_t)earlier;
			append(bytes, head, 2);
			return true;
		}
		if (!label || label > 63)
			return false;
		append(bytes, head, 1);
		append(bytes, text, label);
		text += label + (text[label] == '.');
	}
	append(bytes, "", 1);
	return true;
}

/* ---- options without a name of their own: "CODE ip|hex|string VALUE" ---- */

/* Those that the server itself writes, or that only clients and relays send. */
static bool is_ours(unsigned int code)
{
	static const uint8_t ours[] = {
		DHCP_OPT_MASK,	     DHCP_OPT_BROADCAST,    DHCP_OPT_REQUESTED_IP,
		DHCP_OPT_LEASE_TIME, DHCP_OPT_OVERLOAD,	    DHCP_OPT_TYPE,
		DHCP_OPT_SERVER_ID,  DHCP_OPT_PARAMETERS,   DHCP_OPT_MESSAGE,
		DHCP_OPT_MAX_SIZE,   DHCP_OPT_T1,	    DHCP_OPT_T2,
		DHCP_OPT_CLIENT_ID,  DHCP_OPT_RAPID_COMMIT, DHCP_OPT_FQDN,
		DHCP_OPT_RELAY_INFO, DHCP_OPT_AUTH,	    DHCP_OPT_SUBNET_SELECTION,
		DHCP_OPT_VIVSO,	     DHCP_OPT_NONCE_CAPABLE,
	};

	return !code || code >= DHCP_OPT_END || memchr(ours, (int)code, sizeof(ours));
}

static bool put_addresses(char *text, struct bytes *bytes)
{
	for (char *save, *item = strtok_r(text, ", ", &save); item;
	     item = strtok_r(NULL, ", ", &save))
		if (!put_address(item, bytes))
			return false;
	return bytes->len;
}

static bool put_hex(const char *text, struct bytes *bytes)
{
	bytes->len = strlen(text) / 2;
	return bytes->len <= sizeof(bytes->at) && !mnat_unhex(text, bytes->at, bytes->len);
}

static bool put_custom(const char *text, unsigned int *ret_code, struct bytes *bytes)
{
	char copy[2 * MAX_VALUE + 64], kind[16];
	int at = 0;

	if (strlen(text) >= sizeof(copy))
		return false;
	strcpy(copy, text);
	if (sscanf(copy, "%u %15s %n", ret_code, kind, &at) != 2 || !at || !copy[at] ||
	    is_ours(*ret_code))
		return false;
	if (!strcmp(kind, "ip"))
		return put_addresses(copy + at, bytes);
	if (!strcmp(kind, "hex"))
		return put_hex(copy + at, bytes);
	return !strcmp(kind, "string") && put_text(copy + at, bytes);
}

/* ---- sets ---- */

static const struct setting {
	const char *name;
	uint8_t code;
	bool (*put)(const char *text, struct bytes *bytes);
	const char *expected;
} settings[] = {
	{"router", DHCP_OPT_ROUTER, put_address, "an IPv4 address such as 10.0.1.1"},
	{"dns", DHCP_OPT_DNS, put_address, "an IPv4 address such as 10.0.1.1"},
	{"ntp", DHCP_OPT_NTP, put_address, "an IPv4 address such as 10.0.1.1"},
	{"domain", DHCP_OPT_DOMAIN, put_text, "a domain name"},
	{"domain-search", DHCP_OPT_DOMAIN_SEARCH, put_name, "a domain name"},
	{"routes", DHCP_OPT_ROUTES, put_route,
	 "a prefix and a router, such as \"10.9.0.0/16 10.0.1.1\""},
	{"tftp-server", DHCP_OPT_TFTP_SERVER, put_text, "a name or an address"},
	{"boot-file", DHCP_OPT_BOOT_FILE, put_text, "the name of a file"},
};

static int add(cfg_t *cfg, struct option_set *set, const char *name, uint8_t code,
	       const struct bytes *bytes)
{
	struct option_value *value;
	size_t at = 0;

	if (bytes->full) {
		cfg_error(cfg, "%s: more than %d bytes, which fit no answer", name, MAX_VALUE);
		return -EINVAL;
	}
	if (options_find(set, code)) {
		cfg_error(cfg, "%s: option %d is given twice", name, code);
		return -EINVAL;
	}
	value = reallocarray(set->value, set->n + 1, sizeof(*value));
	if (!value)
		return -ENOMEM;
	set->value = value;
	while (at < set->n && value[at].code < code)
		at++;
	memmove(&value[at + 1], &value[at], (set->n - at) * sizeof(*value));
	value[at] = (struct option_value){
		.code = code, .len = (uint16_t)bytes->len, .data = malloc(bytes->len + 1)};
	set->n++;
	if (!value[at].data)
		return -ENOMEM;
	memcpy(value[at].data, bytes->at, bytes->len);
	return 0;
}

static int get_setting(cfg_t *cfg, const struct setting *setting, struct option_set *set)
{
	struct bytes bytes = {0};
	unsigned int n = cfg_size(cfg, setting->name);

	for (unsigned int i = 0; i < n; i++) {
		const char *text = cfg_getnstr(cfg, setting->name, i);

		if (!text)
			return 0;
		if (setting->put(text, &bytes))
			continue;
		cfg_error(cfg, "%s = \"%s\": expected %s", setting->name, text, setting->expected);
		return -EINVAL;
	}
	return n ? add(cfg, set, setting->name, setting->code, &bytes) : 0;
}

static int get_mtu(cfg_t *cfg, struct option_set *set)
{
	long mtu = cfg_getint(cfg, "mtu");
	uint16_t value = htons((uint16_t)mtu);
	struct bytes bytes = {0};

	if (!mtu)
		return 0;
	if (mtu < 68 || mtu > UINT16_MAX) {
		cfg_error(cfg, "mtu = %ld: expected a number from 68 to 65535, or 0", mtu);
		return -EINVAL;
	}
	append(&bytes, &value, sizeof(value));
	return add(cfg, set, "mtu", DHCP_OPT_MTU, &bytes);
}

static int get_custom(cfg_t *cfg, struct option_set *set)
{
	for (unsigned int i = 0; i < cfg_size(cfg, "option"); i++) {
		const char *text = cfg_getnstr(cfg, "option", i);
		struct bytes bytes = {0};
		unsigned int code;
		int r;

		if (!put_custom(text, &code, &bytes)) {
			cfg_error(cfg,
				  "option \"%s\": expected CODE ip ADDRESS..., CODE hex BYTES or "
				  "CODE string TEXT, of a code the server does not set itself",
				  text);
			return -EINVAL;
		}
		r = add(cfg, set, "option", (uint8_t)code, &bytes);
		if (r)
			return r;
	}
	return 0;
}

int options_get(cfg_t *cfg, struct option_set *ret_set)
{
	int r = 0;

	*ret_set = (struct option_set){0};
	for (size_t i = 0; !r && i < sizeof(settings) / sizeof(settings[0]); i++)
		r = get_setting(cfg, &settings[i], ret_set);
	if (!r)
		r = get_mtu(cfg, ret_set);
	return r ? r : get_custom(cfg, ret_set);
}

void options_free(struct option_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free(set->value[i].data);
	free(set->value);
	*set = (struct option_set){0};
}

const struct option_value *options_find(const struct option_set *set, uint8_t code)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->value[i].code == code)
			return &set->value[i];
	return NULL;
}
