// SPDX-License-Identifier: GPL-2.0-only
/* Policy rules, over real maps and on the wire. */
#include "rules.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "arrays_test.h"
#include "forwards.h"
#include "manager_test.h"
#include "maps_test.h"

#define V "10.128.0.2"
#define EXT "135.180.32.4"

static uv_loop_t loop;
static struct hosts hosts;
static struct rules rules;
static struct agent agent;
static struct mnat_gateway *gateway;
static char path[] = "/tmp/mnat-rules-XXXXXX";
static uint32_t clock_s;
static struct manager_test manager = {.loop = &loop};

static uint32_t now(void)
{
	return clock_s;
}

static void start(void)
{
	arrays_open(&hosts, now());
	rules = (struct rules){.gateway = gateway,
			       .hosts = &hosts,
			       .now = now,
			       .path = path,
			       .ended = agent_tell_rule_ended,
			       .user = &agent};
	cr_assert_eq(rules_open(&rules, &loop), 0);
	agent = (struct agent){.loop = &loop, .hosts = &hosts, .rules = &rules, .now = now};
}

static void stop(void)
{
	agent_close(&agent);
	rules_close(&rules);
	hosts_close(&hosts);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static void setup(void)
{
	int file = mkstemp(path);

	close(file);
	unlink(path);
	clock_s = 1000;
	gateway = test_maps_open();
	arrays_clear();
	arrays.config = gateway->config;
	uv_loop_init(&loop);
	start();
}

static void teardown(void)
{
	stop();
	cr_assert_eq(uv_loop_close(&loop), 0);
	test_maps_close();
	unlink(path);
}

TestSuite(rules, .init = setup, .fini = teardown, .timeout = 20);

static struct rule_order enable(unsigned int port)
{
	return (struct rule_order){.owner = "mm.home",
				   .lifetime = 60,
				   .proto = MNAT_UDP,
				   .inside = ip(V),
				   .inside_port = htons((uint16_t)port),
				   .wish = PORT_ANY};
}

static const struct rule *must_add(const struct rule_order *order)
{
	const struct rule *rule;

	cr_assert_eq(rules_add(&rules, order, &rule), 0);
	return rule;
}

static uint32_t published(uint32_t host, unsigned int port)
{
	const struct mnat_bib_key key = {host, htons((uint16_t)port), MNAT_UDP, 0};
	uint32_t index;

	return bpf_map_lookup_elem(gateway->bib_fd, &key, &index) ? UINT32_MAX : index;
}

/* ---- ports ---- */

Test(rules, enabled_and_ended)
{
	struct rule_order order = enable(5060);
	const struct rule *rule = must_add(&order);
	uint32_t index = rule->index, host = rule->port.host;

	cr_assert_eq(host, FIRST_ID);
	cr_assert_eq(published(host, 5060), index);
	cr_assert_eq(mnat_owner_host(gateway->bindings[index].owner), host);
	cr_assert_eq(mnat_owner_port(gateway->bindings[index].owner), htons(5060));
	cr_assert_eq(gateway->bindings[index].refs, 1);
	cr_assert_eq(rules_add(&rules, &order, &rule), -EEXIST, "one rule an endpoint");
	cr_assert_eq(rules_end(&rules, &order), 1);
	cr_assert_eq(gateway->bindings[index].owner, 0);
	cr_assert_eq(gateway->bindings[index].refs, 0);
	cr_assert_eq(published(host, 5060), UINT32_MAX);
	cr_assert_eq(rules_end(&rules, &order), 0);
}

Test(rules, a_wish)
{
	struct rule_order order = enable(5060), other = enable(5061);
	const struct rule *rule;

	order.wish = other.wish = mnat_binding_index(&gateway->config, MNAT_UDP, 0x87b42004, 7088);
	cr_assert_eq(must_add(&order)->index, (uint32_t)order.wish);
	cr_assert_eq(rules_add(&rules, &other, &rule), -EADDRINUSE);
	cr_assert_eq(published(FIRST_ID, 5061), UINT32_MAX);
}

/* The data path gave the endpoint a port: it stays the same, and after the rule, too. */
Test(rules, an_endpoint_with_traffic_keeps_its_port)
{
	struct rule_order order = enable(5060), wish = enable(5060);
	const struct mnat_bib_key key = {FIRST_ID, htons(5060), MNAT_UDP, 0};
	uint32_t index = 40000;
	const uint64_t owner = (uint64_t)FIRST_ID << 32 | (uint32_t)htons(5060) << 16 | 1;
	const struct rule *rule;

	gateway->bindings[index] = (struct mnat_binding){owner, 2, 900};
	bpf_map_update_elem(gateway->bib_fd, &key, &index, BPF_ANY);
	wish.wish = 40001;
	cr_assert_eq(rules_add(&rules, &wish, &rule), -EEXIST);
	cr_assert_eq(must_add(&order)->index, index);
	cr_assert_eq(gateway->bindings[index].refs, 3);
	rules_end(&rules, &order);
	cr_assert_eq(gateway->bindings[index].refs, 2);
	cr_assert_eq(gateway->bindings[index].owner, owner);
	cr_assert_eq(published(FIRST_ID, 5060), index);
}

Test(rules, reserved_then_enabled)
{
	struct rule_order reserve = enable(0), order = enable(5060);
	const struct rule *rule;
	uint32_t index;

	reserve.inside = 0;
	rule = must_add(&reserve);
	index = rule->index;
	cr_assert_neq(gateway->bindings[index].owner, 0);
	cr_assert_eq(mnat_owner_host(gateway->bindings[index].owner), 0);
	cr_assert_eq(rules_enable(&rules, rule, &order), 0);
	cr_assert_eq(published(FIRST_ID, 5060), index);
	cr_assert_eq(gateway->bindings[index].refs, 1);
	cr_assert_eq(rules_enable(&rules, rule, &order), -EEXIST, "enabled already");
	rules_set_lifetime(&rules, rule, 0);
	cr_assert_eq(gateway->bindings[index].owner, 0);
}

Test(rules, as_many_as_are_allowed)
{
	const struct rule *rule;
	struct rule_order order;

	for (unsigned int i = 1; i <= SIMCO_RULES_MAX; i++) {
		order = enable(i);
		must_add(&order);
	}
	order = enable(1000);
	cr_assert_eq(rules_add(&rules, &order, &rule), -EDQUOT);
	order.owner = "mm.other";
	must_add(&order);
}

Test(rules, no_room_in_the_bib)
{
	struct rule_order order;
	const struct rule *rule;
	char owner[16];
	int r = 0;

	for (unsigned int i = 1; i <= TEST_BIB + 1 && !r; i++) {
		snprintf(owner, sizeof(owner), "mm%u", i / 200);
		order = enable(i);
		order.owner = owner;
		r = rules_add(&rules, &order, &rule);
	}
	cr_assert_eq(r, -ENOSPC);
	for (uint32_t i = 0, n = 0; i < gateway->n_bindings; i++) {
		n += gateway->bindings[i].owner != 0;
		cr_assert_leq(n, TEST_BIB, "a port was taken and not given back");
	}
}

Test(rules, expire)
{
	struct rule_order order = enable(5060);
	uint32_t index = must_add(&order)->index;

	clock_s += 59;
	rules_expire(&rules);
	cr_assert_neq(gateway->bindings[index].owner, 0);
	clock_s += 1;
	rules_expire(&rules);
	cr_assert_eq(gateway->bindings[index].owner, 0);
	order.lifetime = UINT32_MAX;
	cr_assert_eq(must_add(&order)->expires, clock_s + RULES_LIFETIME_MAX);
}

/* ---- restarts ---- */

Test(rules, survive_the_agent)
{
	struct rule_order order = enable(5060), reserve = enable(0);
	uint32_t id = must_add(&order)->id, reserved, index;
	const struct rule *rule;

	reserve.inside = 0;
	reserved = must_add(&reserve)->id;
	stop();
	start();
	rule = rules_find(&rules, id);
	cr_assert(rule);
	cr_assert_str_eq(rule->owner, "mm.home");
	cr_assert_eq(rule->expires, 1060);
	cr_assert_eq(gateway->bindings[rule->index].refs, 1);
	cr_assert(rules_find(&rules, reserved));
	index = rule->index;
	rules_end(&rules, &order);
	cr_assert_eq(gateway->bindings[index].owner, 0);
}

Test(rules, killed_before_the_file_was_written)
{
	struct rule_order order = enable(5060), kept = enable(5061);
	uint32_t index = must_add(&order)->index, id = must_add(&kept)->id;
	char text[4096];
	FILE *f = fopen(path, "r");
	size_t n = fread(text, 1, sizeof(text), f);

	fclose(f);
	order = enable(5062);
	index = must_add(&order)->index;
	f = fopen(path, "w");
	cr_assert_eq(fwrite(text, 1, n, f), n);
	fclose(f);
	stop();
	start();
	cr_assert(rules_find(&rules, id));
	cr_assert_eq(gateway->bindings[index].owner, 0, "its port is nobody's");
	cr_assert_eq(published(FIRST_ID, 5062), UINT32_MAX);
}

Test(rules, file_of_other_maps)
{
	struct rule_order order = enable(5060);
	uint32_t id = must_add(&order)->id;

	stop();
	arrays_clear();
	arrays.config = gateway->config;
	memset(gateway->bindings, 0, gateway->n_bindings * sizeof(*gateway->bindings));
	start();
	cr_assert_eq(rules_find(&rules, id), NULL);
}

Test(rules, unreadable_file)
{
	struct rule_order order = enable(5060);
	uint32_t index = must_add(&order)->index;
	FILE *f;

	stop();
	f = fopen(path, "w");
	fputs("{ nonsense", f);
	fclose(f);
	start();
	cr_assert_eq(rules.all, NULL);
	cr_assert_eq(gateway->bindings[index].owner, 0);
}

/* ---- on the wire ---- */

static struct simco_message with_tuple(uint8_t subtype, uint8_t location, const char *address,
				       unsigned int port)
{
	return (struct simco_message){
		.subtype = subtype,
		.has = SIMCO_HAS(SIMCO_A_TUPLE) | SIMCO_HAS(SIMCO_A_LIFETIME),
		.lifetime = 60,
		.n_tuples = 1,
		.tuples = {{location, 4, IPPROTO_UDP, 32, htons((uint16_t)port), htons(1),
			    ip(address)}},
	};
}

static struct simco_message of_rule(uint8_t subtype, uint32_t rule, uint32_t lifetime)
{
	struct simco_message m = {.subtype = subtype,
				  .has = SIMCO_HAS(SIMCO_A_RULE),
				  .n_rules = 1,
				  .rules = {rule},
				  .lifetime = lifetime};

	if (subtype == SIMCO_PLC)
		m.has |= SIMCO_HAS(SIMCO_A_LIFETIME);
	return m;
}

static void expect_refused(struct simco_message request, uint8_t error)
{
	struct simco_message reply = manager_ask(&manager, request);

	cr_expect_eq(reply.basic, SIMCO_NEGATIVE);
	cr_expect_eq(reply.subtype, error, "%s, not %s", simco_error_text(reply.subtype),
		     simco_error_text(error));
}

Test(rules, transactions)
{
	struct simco_message reply = manager_open(&manager, &agent);
	uint32_t rule;

	cr_assert_eq(reply.capabilities.type, SIMCO_NAT);
	cr_assert_eq(ntohl(reply.capabilities.max_lifetime), RULES_LIFETIME_MAX);
	expect_refused((struct simco_message){.subtype = SIMCO_SA}, SIMCO_E_NOT_APPLICABLE);
	cr_assert_eq(manager_ask(&manager, (struct simco_message){.subtype = SIMCO_PRL}).n_rules, 0);
	reply = manager_ask(&manager, with_tuple(SIMCO_PER, SIMCO_INSIDE, V, 5060));
	cr_assert_eq(reply.basic, SIMCO_POSITIVE);
	cr_assert_eq(reply.n_tuples, 2);
	cr_assert_eq(reply.tuples[0].address, ip(V));
	cr_assert_eq(reply.tuples[1].location, SIMCO_OUTSIDE);
	cr_assert_eq(reply.tuples[1].address, ip(EXT));
	cr_assert_geq(ntohs(reply.tuples[1].port), 1024);
	rule = reply.rules[0];
	reply = manager_ask(&manager, of_rule(SIMCO_PRS, rule, 0));
	cr_assert_str_eq(reply.owner, "local");
	cr_assert_eq(reply.lifetime, 60);
	cr_assert_eq(manager_ask(&manager, of_rule(SIMCO_PLC, rule, 100)).lifetime, 100);
	reply = manager_ask(&manager, (struct simco_message){.subtype = SIMCO_PRL});
	cr_assert_eq(reply.n_rules, 1);
	cr_assert_eq(reply.rules[0], rule);
	clock_s += 100;
	rules_expire(&rules);
	manager_turns(&manager, 3);
	reply = manager_receive(&manager);
	cr_assert_eq(reply.basic, SIMCO_NOTIFICATION);
	cr_assert_eq(reply.subtype, SIMCO_ARE);
	cr_assert_eq(reply.rules[0], rule);
	expect_refused(of_rule(SIMCO_PRS, rule, 0), SIMCO_E_NO_RULE);
	agent_close(&agent);
	cr_assert_eq(manager_receive(&manager).subtype, SIMCO_AST);
	close(manager.fd);
}

Test(rules, reservation_on_the_wire)
{
	struct simco_message enable_it = with_tuple(SIMCO_PEA, SIMCO_INSIDE, V, 5060), reply;

	manager_open(&manager, &agent);
	reply = manager_ask(&manager, with_tuple(SIMCO_PRR, SIMCO_OUTSIDE, EXT, 7088));
	cr_assert_eq(reply.basic, SIMCO_POSITIVE);
	cr_assert_eq(reply.n_tuples, 1);
	cr_assert_eq(reply.tuples[0].port, htons(7088));
	enable_it.has |= SIMCO_HAS(SIMCO_A_RULE);
	enable_it.n_rules = 1;
	enable_it.rules[0] = reply.rules[0];
	reply = manager_ask(&manager, enable_it);
	cr_assert_eq(reply.basic, SIMCO_POSITIVE);
	cr_assert_eq(reply.tuples[1].port, htons(7088));
	expect_refused(enable_it, SIMCO_E_CONFLICT);
	reply = manager_ask(&manager, with_tuple(SIMCO_PDR, SIMCO_INSIDE, V, 5060));
	cr_assert_eq(reply.basic, SIMCO_POSITIVE);
	expect_refused(with_tuple(SIMCO_PDR, SIMCO_INSIDE, V, 5060), SIMCO_E_NO_RULE);
	close(manager.fd);
}

Test(rules, anothers_rule_is_not_touched)
{
	struct rule_order order = enable(5060);
	uint32_t rule = htonl(must_add(&order)->id);

	manager_open(&manager, &agent);
	expect_refused(of_rule(SIMCO_PLC, rule, 0), SIMCO_E_NOT_OWNER);
	expect_refused(of_rule(SIMCO_PRS, rule, 0), SIMCO_E_NOT_OWNER);
	expect_refused(with_tuple(SIMCO_PDR, SIMCO_INSIDE, V, 5060), SIMCO_E_NO_RULE);
	expect_refused(with_tuple(SIMCO_PER, SIMCO_INSIDE, V, 5060), SIMCO_E_CONFLICT);
	cr_assert_eq(manager_ask(&manager, (struct simco_message){.subtype = SIMCO_PRL}).n_rules, 0);
	clock_s += 60;
	rules_expire(&rules);
	manager_turns(&manager, 3);
	cr_assert_eq(recv(manager.fd, &rule, 1, MSG_DONTWAIT), -1, "told of another's rule");
	close(manager.fd);
}

Test(rules, impossible_requests)
{
	struct simco_message m = with_tuple(SIMCO_PER, SIMCO_INSIDE, V, 5060);

	manager_open(&manager, &agent);
	m.lifetime = 0;
	expect_refused(m, SIMCO_E_INCONSISTENT);
	m = with_tuple(SIMCO_PER, SIMCO_INSIDE, V, 0);
	expect_refused(m, SIMCO_E_PORT);
	m = with_tuple(SIMCO_PER, SIMCO_INSIDE, "0.0.0.0", 1);
	expect_refused(m, SIMCO_E_ADDRESS);
	m = with_tuple(SIMCO_PER, SIMCO_OUTSIDE, EXT, 7088);
	expect_refused(m, SIMCO_E_MALFORMED);
	m = with_tuple(SIMCO_PRR, SIMCO_OUTSIDE, "192.0.2.1", 7088);
	expect_refused(m, SIMCO_E_TAKEN);
	m = with_tuple(SIMCO_PRR, SIMCO_OUTSIDE, EXT, 80);
	expect_refused(m, SIMCO_E_TAKEN);
	m = with_tuple(SIMCO_PER, SIMCO_INSIDE, V, 5060);
	m.tuples[0].protocol = 47;
	expect_refused(m, SIMCO_E_PROTOCOL);
	m.tuples[0].protocol = IPPROTO_UDP;
	m.tuples[0].n_ports = htons(2);
	expect_refused(m, SIMCO_E_PORT);
	m.tuples[0].n_ports = htons(1);
	m.tuples[0].version = 6;
	expect_refused(m, SIMCO_E_ADDRESS);
	m = with_tuple(SIMCO_PER, SIMCO_INSIDE, V, 5060);
	m.tuples[1] = m.tuples[0];
	m.tuples[1].location = SIMCO_OUTSIDE;
	m.tuples[1].protocol = IPPROTO_TCP;
	m.n_tuples = 2;
	expect_refused(m, SIMCO_E_INCONSISTENT);
	cr_assert_eq(rules.all, NULL);
	close(manager.fd);
}

/* ---- static port forwards ---- */

static struct mnat_forward forward(uint16_t port, const char *host, uint16_t host_port)
{
	return (struct mnat_forward){.name = "test",
				     .proto = MNAT_UDP,
				     .address = ntohl(ip(EXT)),
				     .port = port,
				     .host = ip(host),
				     .host_port = htons(host_port)};
}

static uint64_t owner_at(uint16_t port)
{
	return gateway->bindings[mnat_binding_index(&gateway->config, MNAT_UDP, ntohl(ip(EXT)),
						    port)].owner;
}

Test(rules, forwards_for_ever)
{
	const uint16_t first = (uint16_t)gateway->config.external[0].port_first;
	struct mnat_forward f[] = {forward(first, V, 53), forward(first + 1, "10.0.9.9", 53)};

	gateway->config.plain_hosts = 1;
	cr_assert_eq(forwards_apply(&rules, f, 2), 2);
	cr_assert_eq(mnat_owner_host(owner_at(first)), FIRST_ID);
	cr_assert_eq(mnat_owner_port(owner_at(first)), htons(53));
	cr_assert_eq(hosts_actual_of(arrays.hosts[mnat_owner_host(owner_at(first + 1))]),
		     ip("10.0.9.9"), "a plain host is known before it sends");
	clock_s += 10 * RULES_LIFETIME_MAX;
	rules_expire(&rules);
	cr_assert_neq(owner_at(first), 0);
	stop();
	start();
	cr_assert_neq(owner_at(first), 0, "the agent's restart");
	cr_assert_eq(forwards_apply(&rules, f, 2), 2, "made once");
	cr_assert_eq(HASH_COUNT(rules.all), 2);
}

Test(rules, forwards_as_the_file_says)
{
	const uint16_t first = (uint16_t)gateway->config.external[0].port_first;
	struct mnat_forward f[] = {forward(first, V, 53), forward(first + 1, V, 54)};
	struct rule_order order = enable(60);

	cr_assert_eq(forwards_apply(&rules, f, 2), 2);
	must_add(&order); /* not before: it draws its port, perhaps one of the forwards' */
	f[1].host_port = htons(55);
	cr_assert_eq(forwards_apply(&rules, f, 2), 2, "another port there");
	cr_assert_eq(mnat_owner_port(owner_at(first + 1)), htons(55));
	cr_assert_eq(forwards_apply(&rules, f + 1, 1), 1);
	cr_assert_eq(owner_at(first), 0, "no longer in the file");
	cr_assert_eq(HASH_COUNT(rules.all), 2, "a manager's rule is not the file's");
}

Test(rules, forwards_that_cannot_be)
{
	const uint16_t first = (uint16_t)gateway->config.external[0].port_first;
	struct mnat_forward f[] = {forward(first, V, 53), forward(first - 1, V, 54)};

	gateway->bindings[mnat_binding_index(&gateway->config, MNAT_UDP, ntohl(ip(EXT)), first)]
		.owner = 77ull << 32;
	cr_assert_eq(forwards_apply(&rules, f, 2), 0);
	cr_assert_eq(owner_at(first), 77ull << 32);
}
