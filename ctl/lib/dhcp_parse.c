// SPDX-License-Identifier: GPL-2.0-only
/* Reading a DHCP message: everything is validated before dhcp_parse() returns. */
#include "mnat/dhcp.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#define ETHERNET       1 /* htype */
#define ETHERNET_LEN   6
#define MAX_HOPS       16
#define OVERLOAD_FILE  (1 << 0)
#define OVERLOAD_SNAME (1 << 1)

/* A part of the message that holds options. */
struct field {
	const uint8_t *data;
	size_t len;
};

/* In the order in which parts of one option are joined: RFC 3396 section 5. */
struct fields {
	struct field field[3];
	size_t n;
};

struct tally {
	uint16_t parts[256];
	uint16_t len[256];
};

/* What option lengths the definitions allow, for options this project reads. */
static const struct length {
	uint8_t code;
	uint8_t unit;
	bool list; /* one or more units, rather than exactly one */
} lengths[] = {
	{DHCP_OPT_MASK, 4, false},	 {DHCP_OPT_ROUTER, 4, true},
	{DHCP_OPT_DNS, 4, true},	 {DHCP_OPT_REQUESTED_IP, 4, false},
	{DHCP_OPT_LEASE_TIME, 4, false}, {DHCP_OPT_SERVER_ID, 4, false},
	{DHCP_OPT_MAX_SIZE, 2, false},	 {DHCP_OPT_T1, 4, false},
	{DHCP_OPT_T2, 4, false},		 {DHCP_OPT_SUBNET_SELECTION, 4, false},
};

static const struct length query_lengths[] = {
	{DHCP_OPT_LAST_TRANSACTION, 4, false}, {DHCP_OPT_ASSOCIATED_IP, 4, true},
	{DHCP_OPT_STATUS, 1, true},	       {DHCP_OPT_BASE_TIME, 4, false},
	{DHCP_OPT_STATE_START, 4, false},      {DHCP_OPT_QUERY_START, 4, false},
	{DHCP_OPT_QUERY_END, 4, false},	       {DHCP_OPT_STATE, 1, false},
	{DHCP_OPT_DATA_SOURCE, 1, false},
};

/* Messages of clients, and those about leases: who may say which, and how. */
static const struct family {
	uint32_t requests, replies; /* a bit a type */
	bool any_hardware;
	const struct length *lengths;
	size_t n_lengths;
} client_family = {
	.requests = 1 << DHCP_DISCOVER | 1 << DHCP_REQUEST | 1 << DHCP_DECLINE |
		    1 << DHCP_RELEASE | 1 << DHCP_INFORM,
	.replies = 1 << DHCP_OFFER | 1 << DHCP_ACK | 1 << DHCP_NAK | 1 << DHCP_FORCERENEW,
}, query_family = {
	.requests = 1 << DHCP_LEASEQUERY | 1 << DHCP_BULKLEASEQUERY |
		    1 << DHCP_ACTIVELEASEQUERY | 1 << DHCP_TLS,
	.replies = 1 << DHCP_LEASEUNASSIGNED | 1 << DHCP_LEASEUNKNOWN | 1 << DHCP_LEASEACTIVE |
		   1 << DHCP_LEASEQUERYDONE | 1 << DHCP_LEASEQUERYSTATUS | 1 << DHCP_TLS,
	.any_hardware = true,
	.lengths = query_lengths,
	.n_lengths = sizeof(query_lengths) / sizeof(query_lengths[0]),
};

static bool is_good_hardware(const struct family *family, const struct dhcp_header *header)
{
	if (family->any_hardware)
		return header->hlen <= sizeof(header->chaddr);
	return header->htype == ETHERNET && header->hlen == ETHERNET_LEN;
}

static enum dhcp_error check_header(const struct family *family, const struct dhcp_header *header,
				    enum dhcp_op op)
{
	if (header->op != op)
		return DHCP_E_OP;
	if (!is_good_hardware(family, header))
		return DHCP_E_HARDWARE;
	if (header->hops > MAX_HOPS)
		return DHCP_E_HOPS;
	if (ntohl(header->magic) != DHCP_MAGIC)
		return DHCP_E_MAGIC;
	return DHCP_E_NONE;
}

/*
 * The next option of field from *pos on; false at its end. An option that does
 * not fit sets *error. Writers that leave out the end option are common and
 * harmless: the end of the field serves.
 */
static bool next_option(const struct field *field, size_t *pos, uint8_t *ret_code,
			struct field *ret_value, enum dhcp_error *error)
{
	size_t at = *pos;
	size_t len;

	while (at < field->len && field->data[at] == DHCP_OPT_PAD)
		at++;
	if (at >= field->len || field->data[at] == DHCP_OPT_END)
		return false;
	if (field->len - at < 2 || field->len - at - 2 < field->data[at + 1]) {
		*error = DHCP_E_OPTION;
		return false;
	}
	len = field->data[at + 1];
	*ret_code = field->data[at];
	*ret_value = (struct field){.data = field->data + at + 2, .len = len};
	*pos = at + 2 + len;
	return true;
}

/* Count the parts of each option in field; single ones are found by this alone. */
static enum dhcp_error count_parts(const struct field *field, struct tally *tally,
				   struct dhcp_option options[256])
{
	enum dhcp_error error = DHCP_E_NONE;
	struct field value;
	size_t pos = 0;
	uint8_t code;

	while (next_option(field, &pos, &code, &value, &error)) {
		tally->parts[code]++;
		tally->len[code] += (uint16_t)value.len;
		options[code] = (struct dhcp_option){
			.len = (uint16_t)value.len, .present = true, .data = value.data};
	}
	return error;
}

/* Options in several parts are one value: RFC 3396 section 7. */
static void join_parts(struct dhcp_message *message, const struct fields *fields,
		       const struct tally *tally)
{
	enum dhcp_error error = DHCP_E_NONE;
	uint8_t *space = message->joined;
	uint8_t *end[256];
	struct field value;
	uint8_t code;

	for (int i = 0; i < 256; i++) {
		if (tally->parts[i] < 2)
			continue;
		message->options[i].data = end[i] = space;
		message->options[i].len = tally->len[i];
		space += tally->len[i];
	}
	for (size_t i = 0; i < fields->n; i++)
		for (size_t pos = 0; next_option(&fields->field[i], &pos, &code, &value, &error);)
			if (tally->parts[code] > 1) {
				memcpy(end[code], value.data, value.len);
				end[code] += value.len;
			}
}

/* Fields that hold options too when option 52 says so: file before sname. */
static enum dhcp_error add_overloaded(const struct dhcp_message *message, struct fields *fields)
{
	const struct dhcp_option *overload = &message->options[DHCP_OPT_OVERLOAD];
	const uint8_t *bytes = message->bytes;

	if (!overload->present)
		return DHCP_E_NONE;
	if (overload->len != 1 || !overload->data[0] ||
	    overload->data[0] > (OVERLOAD_FILE | OVERLOAD_SNAME))
		return DHCP_E_LENGTH;
	if (overload->data[0] & OVERLOAD_FILE)
		fields->field[fields->n++] = (struct field){
			bytes + offsetof(struct dhcp_header, file), sizeof(message->header.file)};
	if (overload->data[0] & OVERLOAD_SNAME)
		fields->field[fields->n++] = (struct field){
			bytes + offsetof(struct dhcp_header, sname), sizeof(message->header.sname)};
	return DHCP_E_NONE;
}

static enum dhcp_error find_options(struct dhcp_message *message)
{
	struct fields fields = {
		.field[0] = {message->bytes + sizeof(message->header),
			     message->len - sizeof(message->header)},
		.n = 1,
	};
	struct tally tally = {0};
	enum dhcp_error error;

	error = count_parts(&fields.field[0], &tally, message->options);
	if (!error)
		error = add_overloaded(message, &fields);
	for (size_t i = 1; !error && i < fields.n; i++)
		error = count_parts(&fields.field[i], &tally, message->options);
	if (!error)
		join_parts(message, &fields, &tally);
	return error;
}

static enum dhcp_error check_lengths(const struct dhcp_message *message,
				     const struct length *allowed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct dhcp_option *option = &message->options[allowed[i].code];

		if (!option->present)
			continue;
		if (allowed[i].list ? !option->len || option->len % allowed[i].unit
				    : option->len != allowed[i].unit)
			return DHCP_E_LENGTH;
	}
	return DHCP_E_NONE;
}

static enum dhcp_error decode_type(const struct family *family, struct dhcp_message *message,
				   enum dhcp_op op)
{
	const struct dhcp_option *option = &message->options[DHCP_OPT_TYPE];
	uint32_t allowed = op == DHCP_BOOTREPLY ? family->replies : family->requests;

	if (!option->present || option->len != 1 || option->data[0] > DHCP_TLS ||
	    !(allowed & 1u << option->data[0]))
		return DHCP_E_TYPE;
	message->type = option->data[0];
	return DHCP_E_NONE;
}

static void take_shim(struct dhcp_message *message, const uint8_t *data)
{
	memcpy(&message->shim, data, sizeof(message->shim));
	message->shim_form |= DHCP_SHIM_VIVSO;
}

static void take_manager(struct dhcp_message *message, const uint8_t *data)
{
	memcpy(&message->manager, data, sizeof(message->manager));
}

static void take_gateway(struct dhcp_message *message, const uint8_t *data)
{
	memcpy(&message->gateway, data, sizeof(message->gateway));
}

static void take_mode(struct dhcp_message *message, const uint8_t *data)
{
	message->mode = data[0];
}

static void take_domain(struct dhcp_message *message, const uint8_t *data)
{
	uint32_t domain;

	memcpy(&domain, data, sizeof(domain));
	message->domain = ntohl(domain);
}

static void take_token(struct dhcp_message *message, const uint8_t *data)
{
	memcpy(&message->token, data, sizeof(message->token));
	message->token_present = true;
}

static void take_arrival(struct dhcp_message *message, const uint8_t *data)
{
	if (message->n_arrivals < DHCP_MNAT_MAX_ARRIVALS)
		memcpy(&message->arrivals[message->n_arrivals++], data,
		       sizeof(message->arrivals[0]));
}

static void take_generation(struct dhcp_message *message, const uint8_t *data)
{
	uint32_t generation;

	memcpy(&generation, data, sizeof(generation));
	message->generation = ntohl(generation);
}

/* What proves the message is looked for where it is, by dhcp_auth_find(). */
static void take_auth(struct dhcp_message *message, const uint8_t *data)
{
}

/* Those we do not know are skipped (RFC 3925 section 4). */
static const struct {
	uint8_t code;
	uint8_t len;
	bool list; /* one or more of that length, of which the first counts */
	void (*take)(struct dhcp_message *message, const uint8_t *data);
} suboptions[] = {
	{DHCP_MNAT_SHIM, 4, true, take_shim},
	{DHCP_MNAT_MANAGER, 4, true, take_manager},
	{DHCP_MNAT_MODE, 1, true, take_mode},
	{DHCP_MNAT_DOMAIN, 4, false, take_domain},
	{DHCP_MNAT_AUTH, DHCP_MNAT_AUTH_LEN, false, take_auth},
	{DHCP_MNAT_GATEWAY, 4, true, take_gateway},
	{DHCP_MNAT_TOKEN, sizeof(struct dhcp_mnat_token), false, take_token},
	{DHCP_MNAT_ARRIVAL, sizeof(struct dhcp_mnat_arrival), false, take_arrival},
	{DHCP_MNAT_GENERATION, 4, false, take_generation},
};

static enum dhcp_error decode_suboption(struct dhcp_message *message, uint8_t code,
					const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < sizeof(suboptions) / sizeof(suboptions[0]); i++) {
		if (suboptions[i].code != code)
			continue;
		if (suboptions[i].list ? !len || len % suboptions[i].len : len != suboptions[i].len)
			return DHCP_E_LENGTH;
		suboptions[i].take(message, data);
	}
	return DHCP_E_NONE;
}

static enum dhcp_error decode_suboptions(struct dhcp_message *message, const uint8_t *data,
					 size_t len)
{
	enum dhcp_error error = DHCP_E_NONE;

	for (size_t pos = 0; !error && pos < len; pos += 2 + (size_t)data[pos + 1]) {
		if (len - pos < 2 || len - pos - 2 < data[pos + 1])
			return DHCP_E_LENGTH;
		error = decode_suboption(message, data[pos], data + pos + 2, data[pos + 1]);
	}
	return error;
}

/* RFC 3925 section 4: blocks of {enterprise 4, length 1, sub-options}, any order. */
static enum dhcp_error decode_vivso(const struct dhcp_codec *codec, struct dhcp_message *message)
{
	const struct dhcp_option *option = &message->options[DHCP_OPT_VIVSO];
	enum dhcp_error error = DHCP_E_NONE;
	size_t block;

	for (size_t pos = 0; !error && pos < option->len; pos += 5 + block) {
		uint32_t enterprise;

		if (option->len - pos < 5 || option->len - pos - 5 < option->data[pos + 4])
			return DHCP_E_LENGTH;
		memcpy(&enterprise, option->data + pos, 4);
		block = option->data[pos + 4];
		if (ntohl(enterprise) == codec->enterprise)
			error = decode_suboptions(message, option->data + pos + 5, block);
	}
	return error;
}

static enum dhcp_error decode_shim(const struct dhcp_codec *codec, struct dhcp_message *message)
{
	const struct dhcp_option *seed = &message->options[codec->seed_option];
	enum dhcp_error error = decode_vivso(codec, message);

	if (error)
		return error;
	if (codec->seed_option && seed->present) {
		if (seed->len != 4)
			return DHCP_E_LENGTH;
		if (!message->shim_form)
			memcpy(&message->shim, seed->data, 4);
		message->shim_form |= DHCP_SHIM_SEED;
	}
	if (!message->shim_form) /* the rest means nothing without an address asked for */
		memset(&message->manager, 0,
		       offsetof(struct dhcp_message, len) - offsetof(struct dhcp_message, manager));
	return DHCP_E_NONE;
}

static enum dhcp_error parse(const struct family *family, const struct dhcp_codec *codec,
			     enum dhcp_op op, const void *data, size_t len,
			     struct dhcp_message *message)
{
	enum dhcp_error error;

	if (len < sizeof(message->header))
		return DHCP_E_SHORT;
	if (len > sizeof(message->bytes))
		return DHCP_E_LONG;
	memset(message, 0, offsetof(struct dhcp_message, bytes));
	memcpy(message->bytes, data, len);
	memcpy(&message->header, data, sizeof(message->header));
	message->len = len;

	error = check_header(family, &message->header, op);
	if (!error)
		error = find_options(message);
	if (!error)
		error = decode_type(family, message, op);
	if (!error)
		error = check_lengths(message, lengths, sizeof(lengths) / sizeof(lengths[0]));
	if (!error)
		error = check_lengths(message, family->lengths, family->n_lengths);
	if (!error)
		error = decode_shim(codec, message);
	return error;
}

enum dhcp_error dhcp_parse(const struct dhcp_codec *codec, enum dhcp_op op, const void *data,
			   size_t len, struct dhcp_message *ret_message)
{
	return parse(&client_family, codec, op, data, len, ret_message);
}

enum dhcp_error dhcp_parse_query(const struct dhcp_codec *codec, enum dhcp_op op, const void *data,
				 size_t len, struct dhcp_message *ret_message)
{
	return parse(&query_family, codec, op, data, len, ret_message);
}
