// SPDX-License-Identifier: GPL-2.0-only
/* Words of a script as DHCP messages. */
#include "script_test.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnat/addr.h"
#include "mnat/hex.h"

static char problem[512];

const char *wrong(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(problem, sizeof(problem), format, ap);
	va_end(ap);
	return problem;
}

bool words_split(char *line, struct words *ret_words)
{
	*ret_words = (struct words){0};
	while (*(line += strspn(line, " \t\n"))) {
		bool quoted = false;

		if (ret_words->n == SCRIPT_WORDS)
			return false;
		ret_words->word[ret_words->n++] = line;
		for (; *line && (quoted || !strchr(" \t\n", *line)); line++)
			quoted ^= *line == '"';
		if (*line)
			*line++ = '\0';
	}
	return true;
}

const char *word_value(const struct words *words, const char *name)
{
	size_t len = strlen(name);

	for (int i = words->n - 1; i >= 0; i--) /* the last one counts: it overrides a default */
		if (!strncmp(words->word[i], name, len) && words->word[i][len] == '=')
			return words->word[i] + len + 1;
	return NULL;
}

/* ---- values ---- */

static size_t number_width(int code)
{
	switch (code) {
	case DHCP_OPT_LEASE_TIME:
	case DHCP_OPT_T1:
	case DHCP_OPT_T2:
	case DHCP_OPT_LAST_TRANSACTION:
	case DHCP_OPT_BASE_TIME:
	case DHCP_OPT_STATE_START:
	case DHCP_OPT_QUERY_START:
	case DHCP_OPT_QUERY_END:
		return 4;
	case DHCP_OPT_MAX_SIZE:
	case DHCP_OPT_MTU:
		return 2;
	default:
		return 1;
	}
}

static size_t put_number(const char *text, int code, uint8_t *out)
{
	uint32_t value = htonl((uint32_t)strtoul(text, NULL, 0));
	size_t width = number_width(code);

	memcpy(out, (uint8_t *)&value + 4 - width, width);
	return width;
}

static size_t put_list(const char *text, int code, uint8_t *out)
{
	char copy[1024];
	size_t len = 0;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *save, *item = strtok_r(copy, ",", &save); item;
	     item = strtok_r(NULL, ",", &save)) {
		struct in_addr addr;

		if (mnat_parse_ip(item, &addr)) {
			len += put_number(item, code, out + len);
			continue;
		}
		memcpy(out + len, &addr, sizeof(addr));
		len += sizeof(addr);
	}
	return len;
}

/* "text", hex:0102, mac:02:..., fill:300 (that many bytes 'x'), or addresses and numbers */
size_t word_bytes(const char *text, int code, uint8_t out[DHCP_MAX_MESSAGE])
{
	size_t len = 0;

	if (*text == '"') {
		len = strcspn(text + 1, "\"");
		memcpy(out, text + 1, len);
	} else if (!strncmp(text, "hex:", 4)) {
		len = strlen(text + 4) / 2;
		cr_assert_eq(mnat_unhex(text + 4, out, len), 0, "%s is not hexadecimal", text);
	} else if (!strncmp(text, "mac:", 4)) {
		out[0] = 1;
		cr_assert_eq(mnat_parse_mac(text + 4, out + 1), 0, "%s is no MAC", text);
		len = 7;
	} else if (!strncmp(text, "fill:", 5)) {
		len = strtoul(text + 5, NULL, 0);
		memset(out, 'x', len);
	} else {
		len = put_list(text, code, out);
	}
	return len;
}

static struct in_addr ip(const char *text)
{
	return (struct in_addr){text ? inet_addr(text) : 0};
}

/* ---- a message ---- */

static enum dhcp_type type_of(const char *word)
{
	for (int i = DHCP_DISCOVER; i <= DHCP_TLS; i++)
		if ((i <= DHCP_INFORM || i >= DHCP_LEASEQUERY) && !strcasecmp(word, dhcp_type_name(i)))
			return i;
	return 0;
}

static struct dhcp_header header_of(const struct words *words)
{
	const char *mac = word_value(words, "mac"), *flags = word_value(words, "flags");
	const char *hops = word_value(words, "hops"), *hlen = word_value(words, "hlen");
	const char *overload = word_value(words, "52");
	struct dhcp_header header = {
		.op = DHCP_BOOTREQUEST,
		.htype = 1,
		.hlen = hlen ? (uint8_t)atoi(hlen) : 6,
		.hops = hops ? (uint8_t)atoi(hops) : 0,
		.xid = htonl(0x11223344),
		.flags = htons(flags ? DHCP_FLAG_BROADCAST : 0),
		.ciaddr = ip(word_value(words, "ciaddr")),
		.giaddr = ip(word_value(words, "giaddr")),
	};

	if (mac)
		mnat_parse_mac(mac, header.chaddr);
	if (overload)
		header.file[0] = header.sname[0] = DHCP_OPT_END;
	return header;
}

/* relay.1="port7": sub-options of option 82, in the order given */
static size_t relay_information(const struct words *words, uint8_t out[DHCP_MAX_MESSAGE])
{
	size_t len = 0;

	for (int i = 0; i < words->n; i++) {
		const char *word = words->word[i];
		char name[16];
		int code, at = 0;

		if (sscanf(word, "relay.%d=%n", &code, &at) != 1 || !at)
			continue;
		snprintf(name, sizeof(name), "relay.%d", code);
		if (word_value(words, name) != word + at)
			continue; /* a later one overrides it */
		out[len] = (uint8_t)code;
		out[len + 1] = (uint8_t)word_bytes(word + at, 0, out + len + 2);
		len += 2 + (size_t)out[len + 1];
	}
	return len;
}

static void put_shim(const struct words *words, struct dhcp_builder *b)
{
	static const struct dhcp_codec codec = {.enterprise = 32473, .seed_option = 224};
	const char *shim = word_value(words, "shim"), *seed = word_value(words, "seed");
	const char *mode = word_value(words, "mode"), *from = word_value(words, "arrival");
	struct dhcp_mnat_arrival arrival = {.manager = ip(from), .counter = htobe64(7)};
	struct dhcp_mnat mnat = {
		.shim = ip(shim ? shim : seed),
		.mode = mode ? (uint8_t)atoi(mode) : 0,
		.arrivals = &arrival,
		.n_arrivals = from != NULL,
	};

	dhcp_put_mnat(b, &codec, (shim ? DHCP_SHIM_VIVSO : 0) | (seed ? DHCP_SHIM_SEED : 0), &mnat);
}

/* file:12="x": an option in the file field, where option 52 says that there are some */
static void put_overloaded(const char *word, struct packet *packet)
{
	struct dhcp_header *header = (struct dhcp_header *)packet->bytes;
	uint8_t value[DHCP_MAX_MESSAGE], *field;
	int code, at = 0;
	size_t len, used = 0;

	if (sscanf(word, "file:%d=%n", &code, &at) == 1 && at)
		field = header->file;
	else if (sscanf(word, "sname:%d=%n", &code, &at) == 1 && at)
		field = header->sname;
	else
		return;
	len = word_bytes(word + at, code, value);
	while (field[used] != DHCP_OPT_END)
		used += 2 + (size_t)field[used + 1];
	field[used] = (uint8_t)code;
	field[used + 1] = (uint8_t)len;
	memcpy(field + used + 2, value, len);
	field[used + 2 + len] = DHCP_OPT_END;
}

const struct dhcp_codec script_codec = {.enterprise = 32473, .seed_option = 224};

/* key=NUMBER secret=HEX counter=NUMBER: without a counter RFC 3118 only asks */
static const char *sign(const struct words *words, struct packet *packet)
{
	const char *key = word_value(words, "key"), *secret = word_value(words, "secret");
	const char *counter = word_value(words, "counter"), *how = word_value(words, "how");
	size_t len = secret ? strlen(secret) / 2 : 0;

	if (!key)
		return NULL;
	packet->auth = (struct dhcp_auth){
		.how = how ? DHCP_AUTH_RFC3118 : DHCP_AUTH_MNAT,
		.asks = !counter,
		.id = (uint32_t)strtoul(key, NULL, 0),
		.counter = counter ? strtoull(counter, NULL, 0) : 0,
	};
	packet->secret.len = (uint8_t)len;
	if (!len || len > DHCP_KEY_MAX || mnat_unhex(secret, packet->secret.bytes, len))
		return wrong("secret= is no secret");
	if (dhcp_auth_sign(&script_codec, packet->bytes, sizeof(packet->bytes), &packet->auth,
			   &packet->secret, &packet->len))
		return wrong("it cannot be signed");
	packet->bytes[offsetof(struct dhcp_header, secs)] ^= word_value(words, "changed") != NULL;
	return NULL;
}

static bool is_known(const char *word)
{
	static const char *const names[] = {
		"mac=",	  "giaddr=", "ciaddr=",	 "flags=",   "hops=",  "hlen=",
		"shim=",  "seed=",   "mode=",	 "arrival=", "relay.", "file:",
		"sname:", "local=",  "unicast=", "ifindex=", "key=",   "secret=",
		"how=",	  "counter=", "changed="};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(word, names[i], strlen(names[i])))
			return true;
	return false;
}

static struct arrival arrival_of(const struct words *words)
{
	const char *local = word_value(words, "local"), *ifindex = word_value(words, "ifindex");

	return (struct arrival){
		.ifindex = ifindex ? atoi(ifindex) : 3,
		.local = addr(local ? local : "10.0.1.1"),
		.broadcast = !word_value(words, "unicast"),
	};
}

const char *packet_build(const struct words *words, struct packet *ret_packet)
{
	enum dhcp_type type = type_of(words->word[0]);
	struct dhcp_header header = header_of(words);
	uint8_t value[DHCP_MAX_MESSAGE];
	struct dhcp_builder b;
	size_t len;

	if (!type)
		return wrong("\"%s\" is no command and no message", words->word[0]);
	if (type >= DHCP_LEASEQUERY && !word_value(words, "mac"))
		header.htype = header.hlen = 0;
	*ret_packet = (struct packet){.arrival = arrival_of(words)};
	dhcp_build(&b, ret_packet->bytes, sizeof(ret_packet->bytes), &header, type);
	for (int i = 1; i < words->n; i++) {
		int code, at = 0;

		if (sscanf(words->word[i], "%d=%n", &code, &at) == 1 && at)
			dhcp_put(&b, (uint8_t)code, value,
				 word_bytes(words->word[i] + at, code, value));
		else if (!is_known(words->word[i]))
			return wrong("\"%s\" is nothing that a message has", words->word[i]);
	}
	put_shim(words, &b);
	len = relay_information(words, value);
	if (len)
		dhcp_put(&b, DHCP_OPT_RELAY_INFO, value, len);
	if (dhcp_finish(&b, &ret_packet->len))
		return wrong("the message is too long");
	for (int i = 1; i < words->n; i++)
		put_overloaded(words->word[i], ret_packet);
	return sign(words, ret_packet);
}
