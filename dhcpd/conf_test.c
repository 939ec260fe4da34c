// SPDX-License-Identifier: GPL-2.0-only
#include "fixture_test.h"

#define TOP  "interfaces = {\"eth1\"}\nserver-id = \"10.0.0.1\"\n"
#define NET1 "subnet \"10.0.1.0/24\" { pool = \"10.0.1.4-10.0.1.254\" }\n"

Test(conf, reads_every_setting)
{
	struct conf *conf = conf_from(
		"interfaces = {\"eth1\", \"lan\"}\nserver-id = \"10.0.0.1\"\n"
		"policy = \"strict-seed\"\nlease-time = 60\noffer-time = 5\nreserve-first = 3\n"
		"run-dir = \"/r\"\ndatabase = \"/d\"\nmanager-socket = \"\"\n"
		"virtual { pool = {\"10.128.1.0/24\", \"10.128.0.1\"}\n lease-time = 9\n"
		" manager = \"10.0.0.9\"\n enterprise = 77\n seed-option = 0 }\n"
		"subnet \"10.0.2.0/24\" { pool = \"10.0.2.9\"\n lease-time = 7 }\n"
		"subnet \"10.0.1.0/24\" { pool = {\"10.0.1.4-10.0.1.9\", \"10.0.1.20\"}\n"
		" router = \"10.0.1.1\"\n dns = {\"10.0.0.1\", \"10.0.0.2\"}\n"
		" domain = \"example.org\"\n mtu = 1400 }\n");

	cr_assert(conf);
	cr_assert(conf_has_interface(conf, "lan"));
	cr_assert_not(conf_has_interface(conf, "eth0"));
	cr_assert_eq(conf->policy, POLICY_STRICT_SEED);
	cr_assert_eq(conf->offer_time, 5);
	cr_assert_eq(conf->reserve_first, 3);
	cr_assert_str_eq(conf->run_dir, "/r");
	cr_assert_str_eq(conf->manager_socket, "");
	cr_assert_eq(conf->virt.pools.n, 2);
	cr_assert_eq(conf->virt.pools.range[0].first, addr("10.128.0.1"), "in order");
	cr_assert_eq(conf->virt.lease_time, 9);
	cr_assert_eq(conf->virt.codec.enterprise, 77);
	cr_assert_eq(conf->virt.codec.seed_option, 0);
	cr_assert_eq(conf->n_subnets, 2);
	cr_assert_eq(conf->subnets[0].prefix.first, addr("10.0.1.0"), "in order");
	cr_assert_eq(conf->subnets[0].lease_time, 60);
	cr_assert_eq(conf->subnets[1].lease_time, 7);
	cr_assert_eq(options_find(&conf->subnets[0].options, DHCP_OPT_DNS)->len, 8);
	cr_assert_eq(options_find(&conf->subnets[0].options, DHCP_OPT_MTU)->len, 2);
	cr_assert_arr_eq(options_find(&conf->subnets[0].options, DHCP_OPT_DOMAIN)->data,
			 "example.org", 11);
	cr_assert_eq(conf_prefix_length(&conf->subnets[0].prefix), 24);
	conf_free(conf);
}

Test(conf, needs_little)
{
	struct conf *conf = conf_from(TOP NET1);

	cr_assert(conf);
	cr_assert_eq(conf->policy, POLICY_RFC2131);
	cr_assert_eq(conf->subnets[0].lease_time, 3600);
	cr_assert_eq(conf->virt.pools.n, 0);
	cr_assert_eq(conf->virt.codec.seed_option, 224);
	cr_assert_str_eq(conf->manager_socket, "/run/mobilenat/mmd.sock");
	conf_free(conf);
}

static const char *const wrong[] = {
	"",
	TOP NET1 "leasequery { listen = \"10.0.0.1:0\"\n clients = \"10.0.0.2\" }\n",
	TOP NET1 "leasequery { listen = \"eth0\"\n clients = \"10.0.0.2\" }\n",
	TOP NET1 "leasequery { listen = \"10.0.0.1\" }\n",
	TOP NET1 "leasequery { listen = \"10.0.0.1\"\n clients = \"all\" }\n",
	TOP NET1 "leasequery { listen = \"10.0.0.1\"\n clients = \"10.0.0.2\"\n"
		 " connections = 0 }\n",
	"server-id = \"10.0.0.1\"\n" NET1,
	"interfaces = {\"eth1\"}\n" NET1,
	TOP,
	TOP NET1 "policy = \"seed\"\n",
	TOP NET1 "lease-time = 0\n",
	TOP NET1 "reserve-first = -1\n",
	TOP NET1 "unknown = 1\n",
	TOP NET1 "interfaces = {\"a-name-that-is-too-long\"}\n",
	TOP NET1 NET1,
	TOP "subnet \"10.0.1.1/24\" { }\n",
	TOP "subnet \"10.0.1.0/24\" { pool = \"10.0.2.4-10.0.2.9\" }\n",
	TOP "subnet \"10.0.1.0/24\" { pool = \"10.0.1.9-10.0.1.4\" }\n",
	TOP "subnet \"10.0.1.0/24\" { pool = {\"10.0.1.1-10.0.1.9\", \"10.0.1.9-10.0.1.11\"} }\n",
	TOP "subnet \"10.0.1.0/24\" { router = \"10.0.2.1\" }\n",
	TOP "subnet \"10.0.1.0/24\" { mtu = 12 }\n",
	TOP "subnet \"10.0.1.0/24\" { }\nsubnet \"10.0.0.0/16\" { }\n",
	TOP NET1 "virtual { pool = \"10.0.1.250-10.0.2.9\" }\n",
	TOP NET1 "virtual { pool = \"10.0.1.1\" }\n", /* A10: not even outside the pool */
	TOP NET1 "virtual { pool = {\"10.128.0.0/16\", \"10.128.9.0/24\"} }\n",
	TOP NET1 "virtual { seed-option = 43 }\n",
	TOP NET1 "virtual { enterprise = 0 }\n",
};

Test(conf, refuses_what_does_not_fit_together)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_null(conf_from(wrong[i]), "accepted: %s", wrong[i]);
}

Test(conf, the_distributed_file_is_good)
{
	struct conf *conf = NULL;

	cr_assert_eq(conf_load("ctl/dist/dhcpd.conf", &conf), 0);
	cr_assert_eq(conf->reserve_first, 1);
	conf_free(conf);
}

Test(conf, who_may_read_leases)
{
	struct conf *conf = conf_from(TOP NET1 "leasequery { listen = \"10.0.0.1:6767\"\n"
					       " clients = {\"10.0.0.2\", \"10.9.0.0/24\"} }\n");

	cr_assert(conf);
	cr_assert_eq(conf->leasequery.listen.sin_port, htons(6767));
	cr_assert_eq(conf->leasequery.listen.sin_addr.s_addr, inet_addr("10.0.0.1"));
	cr_assert_eq(conf->leasequery.connections, 8);
	cr_assert(ranges_contain(&conf->leasequery.clients, ntohl(inet_addr("10.9.0.7"))));
	cr_assert_not(
		ranges_contain(&conf->leasequery.clients, ntohl(inet_addr("10.0.0.3"))));
	conf_free(conf);
	conf = conf_from(TOP NET1 "leasequery { listen = \"10.0.0.1\"\n clients = \"10.0.0.2\" }\n");
	cr_assert(conf);
	cr_assert_eq(conf->leasequery.listen.sin_port, htons(67));
	conf_free(conf);
	conf = conf_from(TOP NET1);
	cr_assert_not(conf_has_leasequery(conf));
	conf_free(conf);
}
