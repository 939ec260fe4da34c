// SPDX-License-Identifier: GPL-2.0-only
/* DHCP messages: names, and typed access to what dhcp_parse() found. */
#include "mnat/dhcp.h"

#include <arpa/inet.h>
#include <string.h>

static const char *const error_names[DHCP_N_ERRORS] = {
	[DHCP_E_NONE] = "none",	    [DHCP_E_SHORT] = "short", [DHCP_E_LONG] = "long",
	[DHCP_E_OP] = "op",	    [DHCP_E_MAGIC] = "magic", [DHCP_E_HARDWARE] = "hardware",
	[DHCP_E_OPTION] = "option", [DHCP_E_TYPE] = "type",   [DHCP_E_LENGTH] = "length",
	[DHCP_E_HOPS] = "hops",
};

static const char *const error_texts[DHCP_N_ERRORS] = {[DHCP_E_NONE] = "a valid message",
#define X(name, text) [DHCP_E_##name] = text,
						       DHCP_ERRORS(X)
#undef X
};

static const char *const type_names[] = {
	[DHCP_DISCOVER] = "DISCOVER", [DHCP_OFFER] = "OFFER",	[DHCP_REQUEST] = "REQUEST",
	[DHCP_DECLINE] = "DECLINE",   [DHCP_ACK] = "ACK",	[DHCP_NAK] = "NAK",
	[DHCP_RELEASE] = "RELEASE",   [DHCP_INFORM] = "INFORM", [DHCP_FORCERENEW] = "FORCERENEW",
	[DHCP_LEASEQUERY] = "LEASEQUERY",
	[DHCP_LEASEUNASSIGNED] = "LEASEUNASSIGNED",
	[DHCP_LEASEUNKNOWN] = "LEASEUNKNOWN",
	[DHCP_LEASEACTIVE] = "LEASEACTIVE",
	[DHCP_BULKLEASEQUERY] = "BULKLEASEQUERY",
	[DHCP_LEASEQUERYDONE] = "LEASEQUERYDONE",
	[DHCP_ACTIVELEASEQUERY] = "ACTIVELEASEQUERY",
	[DHCP_LEASEQUERYSTATUS] = "LEASEQUERYSTATUS",
	[DHCP_TLS] = "TLS",
};

const char *dhcp_error_name(enum dhcp_error error)
{
	return error < DHCP_N_ERRORS ? error_names[error] : "unknown";
}

const char *dhcp_error_text(enum dhcp_error error)
{
	return error < DHCP_N_ERRORS ? error_texts[error] : "unknown error";
}

const char *dhcp_type_name(enum dhcp_type type)
{
	return type >= DHCP_DISCOVER && type <= DHCP_TLS ? type_names[type] : "unknown";
}

bool dhcp_get_ip(const struct dhcp_message *message, uint8_t code, struct in_addr *ret_addr)
{
	const struct dhcp_option *option = &message->options[code];

	if (option->len < sizeof(*ret_addr))
		return false;
	memcpy(ret_addr, option->data, sizeof(*ret_addr));
	return true;
}

bool dhcp_get_u32(const struct dhcp_message *message, uint8_t code, uint32_t *ret_value)
{
	const struct dhcp_option *option = &message->options[code];
	uint32_t value;

	if (option->len < sizeof(value))
		return false;
	memcpy(&value, option->data, sizeof(value));
	*ret_value = ntohl(value);
	return true;
}

bool dhcp_wants(const struct dhcp_message *message, uint8_t code)
{
	const struct dhcp_option *list = &message->options[DHCP_OPT_PARAMETERS];

	return list->len && memchr(list->data, code, list->len);
}

bool dhcp_get_relay(const struct dhcp_message *message, uint8_t code,
		    struct dhcp_option *ret_option)
{
	const struct dhcp_option *info = &message->options[DHCP_OPT_RELAY_INFO];

	for (size_t at = 0; info->len - at >= 2; at += 2 + (size_t)info->data[at + 1]) {
		size_t len = info->data[at + 1];

		if (info->len - at - 2 < len)
			return false;
		if (info->data[at] != code)
			continue;
		*ret_option = (struct dhcp_option){
			.len = (uint16_t)len, .present = true, .data = info->data + at + 2};
		return true;
	}
	return false;
}

bool dhcp_get_relay_ip(const struct dhcp_message *message, uint8_t code, struct in_addr *ret_addr)
{
	struct dhcp_option option;
	struct in_addr addr;

	if (!dhcp_get_relay(message, code, &option) || option.len != sizeof(addr))
		return false;
	memcpy(&addr, option.data, sizeof(addr));
	if (!addr.s_addr)
		return false;
	*ret_addr = addr;
	return true;
}
