// SPDX-License-Identifier: GPL-2.0-only
/* Nodes in public space, and datagrams from nobody knows whom. */
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "roam_sim_test.h"

static size_t report(const char *from, bool seal, struct peering_message *ret_answer)
{
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from)};
	struct peering_message m = sim_arrive(A, B);
	uint8_t buf[SIMCO_MAX_MESSAGE], reply[SIMCO_MAX_MESSAGE];
	size_t skip, n;
	int len;

	m.endpoint.s_addr = inet_addr("198.51.100.7");
	len = peering_encode(&m, buf, sizeof(buf));
	if (seal)
		peering_seal(sim_node.tokens[A].key, buf, (size_t)len);
	n = roam_datagram(&sim[A].roam, buf, (size_t)len, &source, reply);
	if (n) {
		cr_assert(peering_is_sealed(sim_node.tokens[A].key, reply, n));
		cr_assert_eq(peering_decode(reply, n, ret_answer, &skip), (int)n);
	}
	return n;
}

Test(roam, public_space)
{
	struct peering_message answer;

	sim_move(A);
	sim_move(B);
	sim_deliver_all();
	sim_node.counter++;
	cr_assert_eq(report("198.51.100.7", false, &answer), 0, "not sealed: silence");
	cr_assert_eq(sim_count(A, ROAM_C_DATAGRAMS_SILENT), 1);
	cr_assert_gt(report("198.51.100.9", true, &answer), 0);
	cr_assert_eq(answer.subtype, PEERING_E_POLICY, "from elsewhere than it says");
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
	cr_assert_eq(answer.basic, SIMCO_POSITIVE);
	cr_assert_eq(answer.gateway.s_addr, sim[A].roam.tunnel_addr.s_addr);
	cr_assert_eq(answer.lifetime, ROAM_SILENCE_S);
	cr_assert_eq(sim[A].rule.endpoint.s_addr, inet_addr("198.51.100.7"));
	sim_deliver_all();
	cr_assert_eq(sim[B].anchors[0].gateway.s_addr, 0, "B was told that it moved on");
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
	cr_assert_eq(answer.basic, SIMCO_POSITIVE, "the same once more");
	sim_node.counter--;
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
	cr_assert_eq(answer.subtype, PEERING_E_REPLAY);
	sim_node.counter++;
	sim_node.visited[B] = 0;
	sim[B].rule.away = false;
	sim_move(A);
	sim_deliver_all();
	sim_check("home");
}

Test(roam, datagrams_are_limited)
{
	struct peering_message answer;
	int answered = 0;

	sim_move(A);
	sim_node.counter++;
	sim_pass_ms(5000);
	for (int i = 0; i < 300; i++)
		answered += report("198.51.100.7", true, &answer) > 0;
	cr_assert_eq(answered, ROAM_PREFIX_RATE);
	cr_assert_eq(sim_count(A, ROAM_C_DATAGRAMS_TOO_MANY), 300 - ROAM_PREFIX_RATE);
	cr_assert_gt(report("198.51.101.7", true, &answer), 0, "another network is not held up");
	cr_assert_eq(report("198.51.100.250", true, &answer), 0, "the same network is");
	sim_pass_ms(1000 / ROAM_PREFIX_RATE);
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
}

Test(roam, flooders_of_all_networks_together)
{
	struct sockaddr_in source = {.sin_family = AF_INET};
	uint8_t junk[8] = {0}, reply[SIMCO_MAX_MESSAGE];

	sim_pass_ms(5000);
	for (uint32_t i = 0; i < 2 * ROAM_DATAGRAM_RATE; i++) {
		source.sin_addr.s_addr = htonl(0x0b000000 + (i << 8));
		cr_assert_eq(roam_datagram(&sim[A].roam, junk, sizeof(junk), &source, reply), 0);
	}
	cr_assert_leq(sim_count(A, ROAM_C_DATAGRAMS_SILENT), ROAM_DATAGRAM_RATE);
	cr_assert_gt(sim_count(A, ROAM_C_DATAGRAMS_SILENT), ROAM_DATAGRAM_RATE / 2);
}

Test(roam, service_in_public_space_has_a_limit)
{
	struct peering_message answer;

	sim[A].roam.serve_s = 100;
	sim_move(A);
	sim_node.counter++;
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
	cr_assert_eq(answer.lifetime, 100);
	sim_pass_ms(99000);
	cr_assert(sim[A].rule.away);
	sim_pass_ms(2000);
	cr_assert_not(sim[A].rule.away);
	cr_assert_eq(sim_count(A, ROAM_C_SERVED_OUT), 1);
	sim_node.counter++;
	cr_assert_gt(report("198.51.100.7", true, &answer), 0);
	cr_assert_eq(answer.subtype, PEERING_E_POLICY, "it hears why");
}
