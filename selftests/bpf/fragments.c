// SPDX-License-Identifier: GPL-2.0-only
#include "fragments.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct frame fragment_cut(const struct packet *p, size_t from, size_t len)
{
	struct frame whole = {}, piece = {};
	struct iphdr *ip = (void *)(piece.bytes + ETH_HLEN);
	size_t header, payload;
	uint32_t sum = 0;

	whole.len = packet_build(p, whole.bytes);
	memcpy(&piece, &whole, sizeof(piece));
	header = ip->ihl * 4u;
	payload = ntohs(ip->tot_len) - header;
	cr_assert_leq(from + len, payload);
	memcpy(piece.bytes + ETH_HLEN + header, whole.bytes + ETH_HLEN + header + from, len);
	piece.len = ETH_HLEN + header + len;
	memset(piece.bytes + piece.len, 0, sizeof(piece.bytes) - piece.len);
	ip->tot_len = htons((uint16_t)(header + len));
	ip->frag_off = htons((uint16_t)(from / 8 | (from + len < payload ? IP_MF : 0)));
	ip->check = 0;
	for (size_t i = 0; i < header; i += 2)
		sum += (uint32_t)piece.bytes[ETH_HLEN + i] << 8 | piece.bytes[ETH_HLEN + i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	ip->check = htons((uint16_t)~sum);
	return piece;
}

static struct end *end_new(struct gateway *g, const char *program, int ifindex)
{
	struct sockaddr_ll where = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
				     .sll_ifindex = ifindex };
	struct end *end = calloc(1, sizeof(*end));

	cr_assert_not_null(end);
	end->g = g;
	end->prog_fd = gateway_program(g, program);
	end->ifindex = ifindex;
	end->socket = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_IP));
	cr_assert_geq(end->socket, 0);
	cr_assert_eq(bind(end->socket, (void *)&where, sizeof(where)), 0);
	return end;
}

struct end *end_inside(struct gateway *g)
{
	return end_new(g, "gw_inside", harness_in());
}

struct end *end_outside(struct gateway *g)
{
	return end_new(g, "gw_outside", harness_out());
}

static int run_one(struct end *end, const uint8_t *bytes, size_t len)
{
	struct run run = harness_run(end->prog_fd, end->ifindex, bytes, len);

	if (run.verdict == REDIRECT) {
		cr_assert_lt(end->n_sent, FRAGMENTS_MAX);
		end->sent[end->n_sent].len = run.len;
		memcpy(end->sent[end->n_sent++].bytes, run.frame, run.len);
	}
	return run.verdict;
}

int end_run(struct end *end, const struct frame *frame)
{
	int verdict = run_one(end, frame->bytes, frame->len);
	struct frame again;
	ssize_t n;

	/* a frame is delivered before the run that sent it returns */
	while ((n = recv(end->socket, again.bytes, sizeof(again.bytes), 0)) > 0)
		run_one(end, again.bytes, (size_t)n);
	return verdict;
}

uint16_t end_id(const struct end *end, size_t n)
{
	cr_assert_lt(n, end->n_sent);
	return (uint16_t)(end->sent[n].bytes[18] << 8 | end->sent[n].bytes[19]);
}

void expect_pieces(const struct end *end, const struct packet *p, const size_t (*pieces)[2],
		   size_t n)
{
	struct packet want = *p;

	cr_assert_eq(end->n_sent, n, "%zu frames left, expected %zu", end->n_sent, n);
	if (want.id == ID_OF_OURS) {
		want.id = end_id(end, 0);
		want.id_zero = !want.id;
	}
	for (size_t i = 0; i < n; i++) {
		struct frame piece = fragment_cut(&want, pieces[i][0], pieces[i][1]);

		cr_expect_eq(end->sent[i].len, piece.len, "piece %zu: %zu bytes, expected %zu", i,
			     end->sent[i].len, piece.len);
		cr_expect_arr_eq(end->sent[i].bytes, piece.bytes, piece.len, "piece %zu", i);
	}
}
