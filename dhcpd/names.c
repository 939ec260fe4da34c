// SPDX-License-Identifier: GPL-2.0-only
/* Host names: option 12, and option 81 (RFC 4702). No DNS server is told of them. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>

#include "exchange.h"

#define FQDN_HEAD 3 /* flags, two result codes */
#define FQDN_S	  1 /* the server is to tell DNS of the address */
#define FQDN_O	  2 /* ... which the client wanted otherwise */
#define FQDN_E	  4 /* the name is in DNS's form */
#define FQDN_N	  8 /* nobody tells DNS of anything */
#define NAME_LEN  253

/* Labels with their lengths before them as text with dots; nothing past end is read. */
static size_t from_labels(const uint8_t *at, const uint8_t *end, char out[NAME_LEN + 1])
{
	size_t used = 0;

	while (at < end && *at && *at < 64 && end - at > *at && used + *at + 1 <= NAME_LEN) {
		if (used)
			out[used++] = '.';
		memcpy(out + used, at + 1, *at);
		used += *at;
		at += 1 + *at;
	}
	return used;
}

/* The name that the client says it has; "": none. What is not printable becomes '?'. */
static void said_name(const struct exchange *x, char out[NAME_LEN + 1])
{
	const struct dhcp_option *host = &x->in->options[DHCP_OPT_HOSTNAME];
	const struct dhcp_option *fqdn = &x->in->options[DHCP_OPT_FQDN];
	size_t len = 0;

	if (fqdn->len > FQDN_HEAD && fqdn->data[0] & FQDN_E) {
		len = from_labels(fqdn->data + FQDN_HEAD, fqdn->data + fqdn->len, out);
	} else if (fqdn->len > FQDN_HEAD) {
		len = MIN(fqdn->len - FQDN_HEAD, NAME_LEN);
		memcpy(out, fqdn->data + FQDN_HEAD, len);
	} else if (host->len) {
		len = MIN(host->len, NAME_LEN);
		memcpy(out, host->data, len);
	}
	while (len && !out[len - 1]) /* some end it with a NUL, which is not of it */
		len--;
	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)out[i]))
			out[i] = '?';
	out[len] = '\0';
}

void remember_name(struct exchange *x)
{
	char name[NAME_LEN + 1];

	if (x->host && *x->host->hostname)
		snprintf(name, sizeof(name), "%s", x->host->hostname);
	else
		said_name(x, name);
	name[MNAT_HOSTNAME_LEN - 1] = '\0';
	if (*name)
		client_set_hostname(x->client, name);
}

static size_t to_labels(const char *name, uint8_t out[NAME_LEN + 2])
{
	size_t used = 0;

	while (*name) {
		size_t label = strcspn(name, ".");

		if (label > 63 || used + label + 2 > NAME_LEN + 2)
			return 0;
		if (label) {
			out[used++] = (uint8_t)label;
			memcpy(out + used, name, label);
			used += label;
		}
		name += label + (name[label] == '.');
	}
	out[used++] = 0;
	return used;
}

/* The name with its domain: what the client has not completed itself. */
static void complete(const struct exchange *x, const char *name, char out[NAME_LEN + 1])
{
	const struct option_value *domain = option_for(x, DHCP_OPT_DOMAIN);
	size_t len = strlen(name);

	memcpy(out, name, len + 1);
	if (!strchr(name, '.') && domain && len + 1 + domain->len <= NAME_LEN)
		snprintf(out + len, NAME_LEN + 1 - len, ".%.*s", domain->len,
			 (const char *)domain->data);
}

/* RFC 4702 section 4: answered if asked; we do not update DNS, and say so. */
static void put_fqdn(struct exchange *x, struct dhcp_builder *b, const char *name)
{
	uint8_t flags = x->in->options[DHCP_OPT_FQDN].data[0];
	uint8_t value[FQDN_HEAD + NAME_LEN + 2] = {
		(uint8_t)(FQDN_N | (flags & FQDN_E) | (flags & FQDN_S ? FQDN_O : 0)), 255, 255};
	char whole[NAME_LEN + 1];
	size_t len;

	complete(x, name, whole);
	len = strlen(whole);
	if (flags & FQDN_E)
		len = to_labels(whole, value + FQDN_HEAD);
	else
		memcpy(value + FQDN_HEAD, whole, len);
	offer_option(x, b, DHCP_OPT_FQDN, value, FQDN_HEAD + len);
}

void put_names(struct exchange *x, struct dhcp_builder *b)
{
	const char *ours = x->host && *x->host->hostname ? x->host->hostname : NULL;
	char said[NAME_LEN + 1];

	if (ours && is_wanted(x, DHCP_OPT_HOSTNAME))
		offer_option(x, b, DHCP_OPT_HOSTNAME, ours, strlen(ours));
	if (x->in->options[DHCP_OPT_FQDN].len < FQDN_HEAD)
		return;
	said_name(x, said);
	put_fqdn(x, b, ours ? ours : said);
}
