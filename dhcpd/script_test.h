/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Conversations with the server as text: selftests/scenario/README names every
 * command. A message and what is expected of an answer are words NAME=VALUE; how
 * they become bytes is script_packet_test.c's, how they are compared with some
 * script_answer_test.c's.
 */
#ifndef DHCPD_SCRIPT_TEST_H
#define DHCPD_SCRIPT_TEST_H

#include "fixture_test.h"

#define SCRIPT_WORDS   64
#define SCRIPT_CLIENTS 16

struct words {
	char *word[SCRIPT_WORDS];
	int n;
};

/* A datagram of a client, and how it arrived. */
struct packet {
	struct arrival arrival;
	struct dhcp_auth auth;
	struct dhcp_secret secret;
	size_t len;
	uint8_t bytes[DHCP_MAX_MESSAGE];
};

/* Split line in place; words may be in "quotes". false: too many. */
bool words_split(char *line, struct words *ret_words);

/* All return NULL, or what is wrong, in a buffer of their own. */
const char *packet_build(const struct words *words, struct packet *ret_packet);
const char *answer_check(const struct words *words, const struct packet *asked,
			 const struct reply *reply, const struct dhcp_message *answer);
const char *event_check(const struct words *words, const struct event *event);

/* The same with who asks for leases, and what it is told next. */
struct talk;
const char *query_ask(struct talk *talk, const struct words *words, struct packet *ret_query);
const char *query_told(struct talk *talk, const struct words *words, const struct packet *query);

extern const struct dhcp_codec script_codec;

/* What is wrong. */
__attribute__((format(printf, 1, 2))) const char *wrong(const char *format, ...);
/* The bytes that a value stands for, as an option of that code has them; their number. */
size_t word_bytes(const char *text, int code, uint8_t out[DHCP_MAX_MESSAGE]);

/* Value of a word NAME=VALUE of that name, or NULL. */
const char *word_value(const struct words *words, const char *name);

#endif
