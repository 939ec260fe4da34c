// SPDX-License-Identifier: GPL-2.0-only
#include "conf_hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnat/addr.h"
#include "mnat/hex.h"

#define TEXT(name) CFG_STR(name, NULL, CFGF_NODEFAULT)

cfg_opt_t class_settings[] = {
	TEXT("vendor-class"),
	TEXT("user-class"),
	TEXT("client-id"),
	CFG_INT("lease-time", 0, CFGF_NONE),
	TEXT("virtual"),
	CONF_OPTION_SETTINGS,
	CFG_END(),
};

cfg_opt_t host_settings[] = {
	TEXT("client-id"),    TEXT("mac"),
	TEXT("circuit-id"),   CFG_STR_LIST("address", "{}", CFGF_NONE),
	TEXT("virtual"),      TEXT("hostname"),
	CONF_OPTION_SETTINGS, CFG_END(),
};

bool match_prefix(const struct match *match, const uint8_t *bytes, size_t len)
{
	return !match->len || (match->len <= len && !memcmp(match->bytes, bytes, match->len));
}

/* ---- reading ---- */

/* "text", or bytes as "hex:0102" */
static int get_match(cfg_t *cfg, const char *name, struct match *match)
{
	const char *text = cfg_getstr(cfg, name);
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return 0;
	if (!strncmp(text, "hex:", 4)) {
		len = (len - 4) / 2;
		if (len && len <= MNAT_CLIENT_MAX && !mnat_unhex(text + 4, match->bytes, len)) {
			match->len = (uint8_t)len;
			return 0;
		}
	} else if (len && len <= MNAT_CLIENT_MAX) {
		memcpy(match->bytes, text, len);
		match->len = (uint8_t)len;
		return 0;
	}
	cfg_error(cfg, "%s = \"%s\": expected 1 to 255 bytes, as text or as hex:0102", name, text);
	return -EINVAL;
}

static int get_mac(cfg_t *cfg, struct match *match)
{
	const char *text = cfg_getstr(cfg, "mac");

	if (!text)
		return 0;
	match->len = 6;
	if (!mnat_parse_mac(text, match->bytes))
		return 0;
	cfg_error(cfg, "mac = \"%s\": expected one such as 02:00:00:00:00:01", text);
	return -EINVAL;
}

static int get_name(cfg_t *cfg, const char *what, const char *text, char *out, size_t size)
{
	size_t len = text ? strlen(text) : 0;

	if (!text)
		return 0;
	if (!len || len >= size) {
		cfg_error(cfg, "%s \"%s\": expected 1 to %zu characters", what, text, size - 1);
		return -EINVAL;
	}
	memcpy(out, text, len + 1);
	return 0;
}

/* "public", or an address that the class's clients share */
static int get_class_virtual(cfg_t *cfg, const struct shares_conf *shares, struct class_conf *class)
{
	const char *virt = cfg_getstr(cfg, "virtual");
	struct in_addr addr;

	class->is_public = virt && !strcmp(virt, "public");
	if (!virt || class->is_public)
		return 0;
	if (!mnat_parse_ip(virt, &addr))
		class->share = shares_at(shares, ntohl(addr.s_addr));
	if (class->share)
		return 0;
	cfg_error(cfg, "virtual = \"%s\": expected \"public\", or an address of a share section",
		  virt);
	return -EINVAL;
}

static int get_class(cfg_t *cfg, const struct shares_conf *shares, struct class_conf *class)
{
	int r = get_name(cfg, "class", cfg_title(cfg), class->name, sizeof(class->name));

	if (!r)
		r = get_match(cfg, "vendor-class", &class->vendor_class);
	if (!r)
		r = get_match(cfg, "user-class", &class->user_class);
	if (!r)
		r = get_match(cfg, "client-id", &class->client_id);
	if (!r && !class->vendor_class.len && !class->user_class.len && !class->client_id.len) {
		cfg_error(cfg, "class \"%s\": expected vendor-class, user-class or client-id",
			  class->name);
		r = -EINVAL;
	}
	if (r)
		return r;
	if (cfg_getint(cfg, "lease-time") < 0 || cfg_getint(cfg, "lease-time") > INT32_MAX) {
		cfg_error(cfg, "lease-time = %ld: expected a number of seconds",
			  cfg_getint(cfg, "lease-time"));
		return -EINVAL;
	}
	class->lease_time = (uint32_t)cfg_getint(cfg, "lease-time");
	r = get_class_virtual(cfg, shares, class);
	return r ? r : options_get(cfg, &class->options);
}

static int get_addresses(cfg_t *cfg, struct host_conf *host)
{
	unsigned int n = cfg_size(cfg, "address");
	struct in_addr addr;

	host->address = calloc(n ? n : 1, sizeof(*host->address));
	if (!host->address)
		return -ENOMEM;
	for (; host->n_addresses < n; host->n_addresses++) {
		const char *text = cfg_getnstr(cfg, "address", (unsigned int)host->n_addresses);

		if (mnat_parse_ip(text, &addr)) {
			cfg_error(cfg, "address = \"%s\": expected an IPv4 address", text);
			return -EINVAL;
		}
		host->address[host->n_addresses] = ntohl(addr.s_addr);
	}
	return 0;
}

static int get_virtual(cfg_t *cfg, const struct shares_conf *shares, struct host_conf *host)
{
	const char *virt = cfg_getstr(cfg, "virtual");
	struct in_addr addr;

	host->is_public = virt && !strcmp(virt, "public");
	if (!virt || host->is_public)
		return 0;
	if (mnat_parse_ip(virt, &addr)) {
		cfg_error(cfg, "virtual = \"%s\": expected an IPv4 address or \"public\"", virt);
		return -EINVAL;
	}
	host->share = shares_at(shares, ntohl(addr.s_addr));
	if (!host->share)
		host->virt = ntohl(addr.s_addr);
	return 0;
}

static int get_host(cfg_t *cfg, const struct shares_conf *shares, struct host_conf *host)
{
	int r = get_name(cfg, "host", cfg_title(cfg), host->name, sizeof(host->name));

	if (!r)
		r = get_match(cfg, "client-id", &host->key[HOST_CLIENT_ID]);
	if (!r)
		r = get_mac(cfg, &host->key[HOST_MAC]);
	if (!r)
		r = get_match(cfg, "circuit-id", &host->key[HOST_CIRCUIT]);
	if (!r && !host->key[HOST_CLIENT_ID].len && !host->key[HOST_MAC].len &&
	    !host->key[HOST_CIRCUIT].len) {
		cfg_error(cfg, "host \"%s\": expected client-id, mac or circuit-id", host->name);
		r = -EINVAL;
	}
	if (!r)
		r = get_name(cfg, "hostname", cfg_getstr(cfg, "hostname"), host->hostname,
			     sizeof(host->hostname));
	if (!r)
		r = get_addresses(cfg, host);
	if (!r)
		r = get_virtual(cfg, shares, host);
	return r ? r : options_get(cfg, &host->options);
}

/* ---- indices ---- */

static int compare_keys(const void *a, const void *b)
{
	const struct match *x = ((const struct host_ref *)a)->key;
	const struct match *y = ((const struct host_ref *)b)->key;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->bytes, y->bytes, x->len);
}

static int compare_addresses(const void *a, const void *b)
{
	const struct host_ref *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static int report_twice(cfg_t *cfg, const char *what, const struct host_ref *a,
			const struct host_ref *b)
{
	cfg_error(cfg, "host \"%s\" and host \"%s\" have the same %s", a->host->name, b->host->name,
		  what);
	return -EINVAL;
}

static int index_keys(cfg_t *cfg, struct hosts_conf *hosts, enum host_key kind)
{
	static const char *const names[] = {"client-id", "mac", "circuit-id"};
	struct host_ref *refs = calloc(hosts->n_hosts + 1, sizeof(*refs));
	size_t n = 0;

	if (!refs)
		return -ENOMEM;
	for (size_t i = 0; i < hosts->n_hosts; i++)
		if (hosts->hosts[i].key[kind].len)
			refs[n++] = (struct host_ref){.key = &hosts->hosts[i].key[kind],
						      .host = &hosts->hosts[i]};
	qsort(refs, n, sizeof(*refs), compare_keys);
	hosts->by_key[kind] = refs;
	hosts->n_by_key[kind] = n;
	for (size_t i = 1; i < n; i++)
		if (!compare_keys(&refs[i - 1], &refs[i]))
			return report_twice(cfg, names[kind], &refs[i - 1], &refs[i]);
	return 0;
}

static int index_addresses(cfg_t *cfg, struct hosts_conf *hosts)
{
	size_t n = 0;

	for (size_t i = 0; i < hosts->n_hosts; i++)
		n += hosts->hosts[i].n_addresses + 1;
	hosts->by_address = calloc(n + 1, sizeof(*hosts->by_address));
	if (!hosts->by_address)
		return -ENOMEM;
	for (size_t i = 0; i < hosts->n_hosts; i++) {
		const struct host_conf *host = &hosts->hosts[i];

		for (size_t j = 0; j < host->n_addresses; j++)
			hosts->by_address[hosts->n_by_address++] =
				(struct host_ref){.address = host->address[j], .host = host};
		if (host->virt)
			hosts->by_address[hosts->n_by_address++] =
				(struct host_ref){.address = host->virt, .host = host};
	}
	qsort(hosts->by_address, hosts->n_by_address, sizeof(*hosts->by_address),
	      compare_addresses);
	for (size_t i = 1; i < hosts->n_by_address; i++)
		if (hosts->by_address[i - 1].address == hosts->by_address[i].address)
			return report_twice(cfg, "address", &hosts->by_address[i - 1],
					    &hosts->by_address[i]);
	return 0;
}

int hosts_get(cfg_t *cfg, const struct shares_conf *shares, struct hosts_conf *ret_hosts)
{
	struct hosts_conf *hosts = ret_hosts;
	unsigned int n_classes = cfg_size(cfg, "class"), n_hosts = cfg_size(cfg, "host");
	int r = 0;

	hosts->classes = calloc(n_classes + 1, sizeof(*hosts->classes));
	hosts->hosts = calloc(n_hosts + 1, sizeof(*hosts->hosts));
	if (!hosts->classes || !hosts->hosts)
		return -ENOMEM;
	while (!r && hosts->n_classes < n_classes) {
		cfg_t *sec = cfg_getnsec(cfg, "class", (unsigned int)hosts->n_classes);

		r = get_class(sec, shares, &hosts->classes[hosts->n_classes++]);
	}
	while (!r && hosts->n_hosts < n_hosts) {
		cfg_t *sec = cfg_getnsec(cfg, "host", (unsigned int)hosts->n_hosts);

		r = get_host(sec, shares, &hosts->hosts[hosts->n_hosts++]);
	}
	for (int i = 0; !r && i < HOST_KEYS; i++)
		r = index_keys(cfg, hosts, i);
	return r ? r : index_addresses(cfg, hosts);
}

void hosts_free(struct hosts_conf *hosts)
{
	for (size_t i = 0; i < hosts->n_classes; i++)
		options_free(&hosts->classes[i].options);
	for (size_t i = 0; i < hosts->n_hosts; i++) {
		free(hosts->hosts[i].address);
		options_free(&hosts->hosts[i].options);
	}
	for (int i = 0; i < HOST_KEYS; i++)
		free(hosts->by_key[i]);
	free(hosts->by_address);
	free(hosts->classes);
	free(hosts->hosts);
}

const struct host_conf *hosts_find(const struct hosts_conf *hosts, enum host_key kind,
				   const uint8_t *key, size_t len)
{
	struct match match = {.len = (uint8_t)len};
	const struct host_ref wanted = {.key = &match}, *found;

	if (!len || len > MNAT_CLIENT_MAX || !hosts->n_by_key[kind])
		return NULL;
	memcpy(match.bytes, key, len);
	found = bsearch(&wanted, hosts->by_key[kind], hosts->n_by_key[kind], sizeof(wanted),
			compare_keys);
	return found ? found->host : NULL;
}

const struct host_conf *hosts_of_address(const struct hosts_conf *hosts, uint32_t address)
{
	const struct host_ref wanted = {.address = address}, *found;

	if (!hosts->n_by_address)
		return NULL;
	found = bsearch(&wanted, hosts->by_address, hosts->n_by_address, sizeof(wanted),
			compare_addresses);
	return found ? found->host : NULL;
}
