// SPDX-License-Identifier: GPL-2.0-only
/* DHCP messages and events compared with the words of a script. */
#include "script_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "mnat/addr.h"
#include "mnat/dhcp_nonce.h"
#include "mnat/hex.h"
#include "mnat/leasequery.h"

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
	len = word_bytes(expected, code, value);
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

	if (dhcp_auth_find(&script_codec, reply->bytes, reply->len, &auth))
		return same_text("authentication", expected, names[DHCP_AUTH_NONE]);
	if (auth.id != asked->auth.id)
		return wrong("it is authenticated by key %u", auth.id);
	if (auth.how == DHCP_AUTH_MNAT && auth.counter != asked->auth.counter)
		return wrong("its counter is %lu", (unsigned long)auth.counter);
	if (!dhcp_auth_verify(reply->bytes, reply->len, &auth, &asked->secret))
		return wrong("its MAC is wrong");
	return same_text("authentication", expected, names[auth.how]);
}

/* nonce=given in an ACK; by=nonce: a FORCERENEW is proved by that, and newer than the last. */
static uint8_t nonce[DHCP_NONCE_LEN];
static uint64_t replay;

static const char *check_nonce(const char *value, const struct packet *asked,
			       const struct reply *reply, const struct dhcp_message *answer)
{
	return dhcp_get_nonce(answer, nonce, &replay) ? NULL : wrong("no nonce is given");
}

static const char *check_by(const char *value, const struct packet *asked,
			    const struct reply *reply, const struct dhcp_message *answer)
{
	uint64_t its;

	if (!dhcp_forcerenew_verify(answer->bytes, answer->len, nonce, &its))
		return wrong("it is not proved by the nonce that was given last");
	if (its <= replay)
		return wrong("its replay detection value is not higher than the one before");
	replay = its;
	return NULL;
}

static const char *same_number(const char *name, const char *expected, size_t is)
{
	char text[32];

	snprintf(text, sizeof(text), "%zu", is);
	return same_text(name, expected, text);
}

typedef const char *(*check_fn)(const char *value, const struct packet *asked,
				const struct reply *reply, const struct dhcp_message *answer);

static const char *check_to(const char *value, const struct packet *asked,
			    const struct reply *reply, const struct dhcp_message *answer)
{
	char text[64];

	destination(reply, text, sizeof(text));
	return same_text("destination", value, text);
}

/* The exact list of the options in a field. */
static const char *same_codes(const char *value, const uint8_t *at, const uint8_t *end)
{
	char text[1200];

	codes_of(at, end, text, sizeof(text));
	return same_text("list of options", value, text);
}

static const char *check_options(const char *value, const struct packet *asked,
				 const struct reply *reply, const struct dhcp_message *answer)
{
	return same_codes(value, reply->bytes + sizeof(answer->header), reply->bytes + reply->len);
}

static const char *check_file_options(const char *value, const struct packet *asked,
				      const struct reply *reply, const struct dhcp_message *answer)
{
	const struct dhcp_header *header = &answer->header;

	return same_codes(value, header->file, header->file + sizeof(header->file));
}

static const char *check_sname_options(const char *value, const struct packet *asked,
				       const struct reply *reply, const struct dhcp_message *answer)
{
	const struct dhcp_header *header = &answer->header;

	return same_codes(value, header->sname, header->sname + sizeof(header->sname));
}

static const char *check_auth(const char *value, const struct packet *asked,
			      const struct reply *reply, const struct dhcp_message *answer)
{
	return same_auth(value, asked, reply);
}

static const char *check_file(const char *value, const struct packet *asked,
			      const struct reply *reply, const struct dhcp_message *answer)
{
	return same_text("file", value, (const char *)answer->header.file);
}

static const char *check_flags(const char *value, const struct packet *asked,
			       const struct reply *reply, const struct dhcp_message *answer)
{
	return same_text("flags", value,
			 answer->header.flags & htons(DHCP_FLAG_BROADCAST) ? "broadcast" : "none");
}

static const char *check_shim(const char *value, const struct packet *asked,
			      const struct reply *reply, const struct dhcp_message *answer)
{
	if (!strcmp(value, "none"))
		return answer->shim_form ? wrong("there is a shim option") : NULL;
	return same_address("shim", value, answer->shim);
}

static const char *check_probe(const char *value, const struct packet *asked,
			       const struct reply *reply, const struct dhcp_message *answer)
{
	return same_address("address to be probed", strcmp(value, "none") ? value : "0.0.0.0",
			    (struct in_addr){htonl(reply->probe)});
}

static const char *check_status(const char *value, const struct packet *asked,
				const struct reply *reply, const struct dhcp_message *answer)
{
	char text[LEASEQUERY_TEXT];

	return same_text("status", value,
			 leasequery_status_name(leasequery_get_status(answer, text)));
}

static const char *check_length(const char *value, const struct packet *asked,
				const struct reply *reply, const struct dhcp_message *answer)
{
	return same_number("length", value, reply->len);
}

/* Addresses and numbers of the message itself. */
static const struct {
	const char *name;
	size_t offset;
	size_t size; /* of a number; 0: an address */
} fields[] = {
#define FIELD(name, field, size)                                                                   \
	{                                                                                          \
		name, offsetof(struct dhcp_message, field), size                                   \
	}
	FIELD("yiaddr", header.yiaddr, 0),    FIELD("ciaddr", header.ciaddr, 0),
	FIELD("siaddr", header.siaddr, 0),    FIELD("giaddr", header.giaddr, 0),
	FIELD("gateway", gateway, 0),	      FIELD("manager", manager, 0),
	FIELD("mode", mode, sizeof(uint8_t)), FIELD("domain", domain, sizeof(uint32_t)),
	FIELD("generation", generation, sizeof(uint32_t)),
#undef FIELD
};

static const struct {
	const char *name;
	check_fn check;
} checks[] = {
	{"to", check_to},
	{"options", check_options},
	{"file-options", check_file_options},
	{"sname-options", check_sname_options},
	{"auth", check_auth},
	{"file", check_file},
	{"flags", check_flags},
	{"shim", check_shim},
	{"probe", check_probe},
	{"length", check_length},
	{"status", check_status},
	{"nonce", check_nonce},
	{"by", check_by},
};

static bool is_named(const char *word, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(word, name, len) && word[len] == '=';
}

static const char *check_field(size_t i, const char *value, const struct dhcp_message *answer)
{
	const uint8_t *at = (const uint8_t *)answer + fields[i].offset;
	uint32_t number = 0;

	if (!fields[i].size)
		return same_address(fields[i].name, value, *(const struct in_addr *)at);
	if (fields[i].size == sizeof(number))
		memcpy(&number, at, sizeof(number));
	else
		number = *at;
	return same_number(fields[i].name, value, number);
}

static const char *check_word(const char *word, const struct packet *asked,
			      const struct reply *reply, const struct dhcp_message *answer)
{
	const char *value = strchr(word, '=') ? strchr(word, '=') + 1 : "";
	int code, at = 0;

	if (sscanf(word, "%d=%n", &code, &at) == 1 && at)
		return code == DHCP_OPT_RELAY_INFO && !strcmp(value, "same")
			       ? same_relay_information(asked, answer)
			       : same_option(value, code, answer);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (is_named(word, fields[i].name))
			return check_field(i, value, answer);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (is_named(word, checks[i].name))
			return checks[i].check(value, asked, reply, answer);
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
	} addresses[] = {{"virtual", event->virt},
			 {"shows", event->shows},
			 {"actual", event->actual},
			 {"old", event->old}};
	const char *generation = word_value(words, "generation"), *error = NULL;
	const char *circuit = word_value(words, "circuit");
	const char *arrivals = word_value(words, "arrivals");
	bool tunnel = word_value(words, "tunnel");

	for (int i = 0; !error && i < 4; i++) {
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
