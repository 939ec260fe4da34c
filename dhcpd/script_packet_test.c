// SPDX-License-Identifier: GPL-2.0-only
/* Words of a script as DHCP messages, and DHCP messages compared with words. */
#include "script_test.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnat/addr.h"
#include "mnat/dhcp_nonce.h"
#include "mnat/hex.h"

static char problem[512];

__attribute__((format(printf, 1, 2))) static const char *wrong(const char *format, ...)
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
static size_t to_bytes(const char *text, int code, uint8_t out[DHCP_MAX_MESSAGE])
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
	for (int i = DHCP_DISCOVER; i <= DHCP_INFORM; i++)
		if (!strcasecmp(word, dhcp_type_name(i)))
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
		out[len + 1] = (uint8_t)to_bytes(word + at, 0, out + len + 2);
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
	len = to_bytes(word + at, code, value);
	while (field[used] != DHCP_OPT_END)
		used += 2 + (size_t)field[used + 1];
	field[used] = (uint8_t)code;
	field[used + 1] = (uint8_t)len;
	memcpy(field + used + 2, value, len);
	field[used + 2 + len] = DHCP_OPT_END;
}

static const struct dhcp_codec auth_codec = {.enterprise = 32473, .seed_option = 224};

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
	if (dhcp_auth_sign(&auth_codec, packet->bytes, sizeof(packet->bytes), &packet->auth,
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
	*ret_packet = (struct packet){.arrival = arrival_of(words)};
	dhcp_build(&b, ret_packet->bytes, sizeof(ret_packet->bytes), &header, type);
	for (int i = 1; i < words->n; i++) {
		int code, at = 0;

		if (sscanf(words->word[i], "%d=%n", &code, &at) == 1 && at)
			dhcp_put(&b, (uint8_t)code, value,
				 to_bytes(words->word[i] + at, code, value));
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

/* ---- an answer ---- */

static void destination(const struct reply *reply, char *buf, size_t size)
{
	char text[MNAT_IP_LEN], mac[MNAT_MAC_LEN];

	switch (reply->how) {
	case REPLY_RELAY:
		snprintf(buf, size, "%s:67", mnat_ip(reply->to, text));
		break;
	case REPLY_UNICAST:
		snprintf(buf, size, "%s:68", mnat_ip(reply->to, text));
		break;
	case REPLY_BROADCAST:
		snprintf(buf, size, "broadcast");
		break;
	case REPLY_HARDWARE:
		snprintf(buf, size, "%s/%s", mnat_mac(reply->mac, mac), mnat_ip(reply->to, text));
		break;
	}
}

/* The option codes of a field, in their order. */
static void codes_of(const uint8_t *at, const uint8_t *end, char *buf, size_t size)
{
	size_t used = 0;

	*buf = '\0';
	for (; at < end && *at != DHCP_OPT_END; at += *at == DHCP_OPT_PAD ? 1 : 2 + at[1])
		if (*at != DHCP_OPT_PAD)
			used += (size_t)snprintf(buf + used, size - used, "%s%d", used ? "," : "",
						 *at);
}

static const char *same_text(const char *name, const char *expected, const char *is)
{
	return strcmp(expected, is) ? wrong("%s is %s, expected %s", name, is, expected) : NULL;
}

static const char *same_address(const char *name, const char *expected, struct in_addr is)
{
	char text[MNAT_IP_LEN];

	return same_text(name, expected, mnat_ip(is, text));
}

static const char *same_option(const char *expected, int code, const struct dhcp_message *answer)
{
	const struct dhcp_option *option = &answer->options[code];
	char is[MNAT_HEX_LEN(DHCP_MAX_MESSAGE)], should[MNAT_HEX_LEN(DHCP_MAX_MESSAGE)];
	uint8_t value[DHCP_MAX_MESSAGE];
	size_t len;

	if (!strcmp(expected, "none"))
		return option->present ? wrong("option %d is there", code) : NULL;
	if (!option->present)
		return wrong("there is no option %d", code);
	len = to_bytes(expected, code, value);
	if (len == option->len && !memcmp(value, option->data, len))
		return NULL;
	mnat_hex(option->data, option->len, is);
	return wrong("option %d is hex:%.200s, expected hex:%.200s", code, is,
		     mnat_hex(value, len, should));
}

static const char *same_relay_information(const struct packet *asked,
					  const struct dhcp_message *answer)
{
	static const struct dhcp_codec codec;
	static struct dhcp_message question;
	const struct dhcp_option *is = &answer->options[DHCP_OPT_RELAY_INFO], *was;

	dhcp_parse(&codec, DHCP_BOOTREQUEST, asked->bytes, asked->len, &question);
	was = &question.options[DHCP_OPT_RELAY_INFO];
	if (!was->present || was->len != is->len || memcmp(was->data, is->data, is->len))
		return wrong("option 82 is not what the relay sent");
	if (is->data + is->len != answer->bytes + answer->len && is->data[is->len] != DHCP_OPT_END)
		return wrong("option 82 is not the last one");
	return NULL;
}

static const char *same_auth(const char *expected, const struct packet *asked,
			     const struct reply *reply)
{
	static const char *const names[] = {"none", "ours", "rfc3118"};
	struct dhcp_auth auth = {0};

	if (dhcp_auth_find(&auth_codec, reply->bytes, reply->len, &auth))
		return same_text("authentication", expected, names[DHCP_AUTH_NONE]);
	if (auth.id != asked->auth.id)
		return wrong("it is authenticated by key %u", auth.id);
	if (auth.how == DHCP_AUTH_MNAT && auth.counter != asked->auth.counter)
		return wrong("its counter is %lu", (unsigned long)auth.counter);
	if (!dhcp_auth_verify(reply->bytes, reply->len, &auth, &asked->secret))
		return wrong("its MAC is wrong");
	return same_text("authentication", expected, names[auth.how]);
}

/* nonce=given, and by=nonce of a FORCERENEW that it proves */
static const char *check_nonce(const char *word, const struct dhcp_message *answer)
{
	static uint8_t nonce[DHCP_NONCE_LEN];
	static uint64_t replay;
	uint64_t its;

	if (!strcmp(word, "nonce=given"))
		return dhcp_get_nonce(answer, nonce, &replay) ? NULL : wrong("no nonce is given");
	if (!dhcp_forcerenew_verify(answer->bytes, answer->len, nonce, &its))
		return wrong("it is not proved by the nonce that was given last");
	if (its <= replay)
		return wrong("its replay detection value is not higher than the one before");
	replay = its;
	return NULL;
}

static const char *check_word(const char *word, const struct packet *asked,
			      const struct reply *reply, const struct dhcp_message *answer)
{
	const char *value = strchr(word, '=') ? strchr(word, '=') + 1 : "";
	const struct dhcp_header *header = &answer->header;
	char text[1200];
	int code, at = 0;

	if (sscanf(word, "%d=%n", &code, &at) == 1 && at)
		return code == DHCP_OPT_RELAY_INFO && !strcmp(value, "same")
			       ? same_relay_information(asked, answer)
			       : same_option(value, code, answer);
	if (!strcmp(word, "nonce=given") || !strcmp(word, "by=nonce"))
		return check_nonce(word, answer);
	if (!strncmp(word, "auth=", 5))
		return same_auth(value, asked, reply);
	if (!strncmp(word, "to=", 3)) {
		destination(reply, text, sizeof(text));
		return same_text("destination", value, text);
	}
	if (!strncmp(word, "options=", 8)) {
		codes_of(reply->bytes + sizeof(*header), reply->bytes + reply->len, text,
			 sizeof(text));
		return same_text("list of options", value, text);
	}
	if (!strncmp(word, "file-options=", 13)) {
		codes_of(header->file, header->file + sizeof(header->file), text, sizeof(text));
		return same_text("list of options in file", value, text);
	}
	if (!strncmp(word, "sname-options=", 14)) {
		codes_of(header->sname, header->sname + sizeof(header->sname), text, sizeof(text));
		return same_text("list of options in sname", value, text);
	}
	if (!strncmp(word, "yiaddr=", 7))
		return same_address("yiaddr", value, header->yiaddr);
	if (!strncmp(word, "ciaddr=", 7))
		return same_address("ciaddr", value, header->ciaddr);
	if (!strncmp(word, "probe=", 6))
		return same_address("address to be probed", strcmp(value, "none") ? value : "0.0.0.0",
				    (struct in_addr){htonl(reply->probe)});
	if (!strncmp(word, "siaddr=", 7))
		return same_address("siaddr", value, header->siaddr);
	if (!strncmp(word, "giaddr=", 7))
		return same_address("giaddr", value, header->giaddr);
	if (!strncmp(word, "file=", 5))
		return same_text("file", value, (const char *)header->file);
	if (!strncmp(word, "flags=", 6))
		return same_text("flags", value,
				 header->flags & htons(DHCP_FLAG_BROADCAST) ? "broadcast" : "none");
	if (!strncmp(word, "shim=", 5))
		return !strcmp(value, "none")
			       ? (answer->shim_form ? wrong("there is a shim option") : NULL)
			       : same_address("shim", value, answer->shim);
	if (!strncmp(word, "gateway=", 8))
		return same_address("gateway", value, answer->gateway);
	if (!strncmp(word, "manager=", 8))
		return same_address("manager", value, answer->manager);
	if (!strncmp(word, "mode=", 5) || !strncmp(word, "domain=", 7) ||
	    !strncmp(word, "length=", 7)) {
		snprintf(text, sizeof(text), "%zu",
			 *word == 'm'	? (size_t)answer->mode
			 : *word == 'd' ? (size_t)answer->domain
					: reply->len);
		return same_text("number", value, text);
	}
	return wrong("\"%s\" is nothing that an answer has", word);
}

const char *answer_check(const struct words *words, const struct packet *asked,
			 const struct reply *reply, const struct dhcp_message *answer)
{
	const char *error = NULL;

	if (strcasecmp(words->word[0], dhcp_type_name(answer->type)))
		return wrong("the answer is %s", dhcp_type_name(answer->type));
	if (answer->header.xid != ((const struct dhcp_header *)asked->bytes)->xid)
		return wrong("the answer's xid is not the question's");
	for (int i = 1; !error && i < words->n; i++)
		if (strcmp(words->word[i], "held") && strcmp(words->word[i], "at-once"))
			error = check_word(words->word[i], asked, reply, answer);
	return error;
}

/* ---- what the manager is told ---- */

const char *event_check(const struct words *words, const struct event *event)
{
	const struct {
		const char *name;
		uint32_t address;
	} addresses[] = {{"virtual", event->virt}, {"actual", event->actual}, {"old", event->old}};
	const char *generation = word_value(words, "generation"), *error = NULL;
	const char *circuit = word_value(words, "circuit");
	const char *arrivals = word_value(words, "arrivals");
	bool tunnel = word_value(words, "tunnel");

	for (int i = 0; !error && i < 3; i++) {
		const char *expected = word_value(words, addresses[i].name);

		error = same_address(addresses[i].name, expected ? expected : "0.0.0.0",
				     (struct in_addr){htonl(addresses[i].address)});
	}
	if (!error && generation && strtoul(generation, NULL, 0) != event->generation)
		error = wrong("generation is %u", event->generation);
	if (!error && tunnel != event->tunnel)
		error = wrong("it is %sreached by tunnel", event->tunnel ? "" : "not ");
	if (!error && circuit &&
	    (strlen(circuit) != event->circuit_len ||
	     memcmp(circuit, event->circuit, event->circuit_len)))
		error = wrong("circuit is %.*s", event->circuit_len, (const char *)event->circuit);
	if (!error && arrivals && atoi(arrivals) != event->n_arrivals)
		error = wrong("arrivals: %u", event->n_arrivals);
	return error;
}
