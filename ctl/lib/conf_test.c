// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_text.h"
#include "mnat/conf.h"
#include "mnat/dhcp.h"
#include "mnat/role_conf.h"

Test(conf_text, comments_become_spaces)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{"a = 1 # x\nb", "a = 1    \nb"},
		{"a = \"# no\" # x", "a = \"# no\"    "},
		{"a = '# \\' no' # x", "a = '# \\' no'    "},
		{"a = b#c", "a = b  "},
		{"// x\na = b//c", "    \na = b//c"},
		{"a = /b/c /* x\ny */ d", "a = /b/c     \n     d"},
		{"/* to the end\n", "             \n"},
		{"\"open", "\"open"},
		{"'\\", "'\\"},
		{"#", " "},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64];

		strcpy(text, rows[i].text);
		conf_text_blank_comments(text);
		cr_expect_str_eq(text, rows[i].want);
	}
}

/* A file of this content, at the path that mkstemp() makes of the template. */
static void write_file(char *path, const void *content, size_t len)
{
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, content, len) == (ssize_t)len);
	close(fd);
}

/* The first line of stderr after a load of this content, which must fail. */
static void load_bad(const void *content, size_t len, char *said, size_t size)
{
	cfg_opt_t options[] = {CFG_INT("number", 0, CFGF_NONE), CFG_END()};
	char path[] = "/tmp/mnat-conf-XXXXXX";
	cfg_t *cfg;

	write_file(path, content, len);
	cr_redirect_stderr();
	cr_assert_eq(mnat_conf_load(path, options, NULL, &cfg), -EINVAL);
	unlink(path);
	fflush(stderr);
	cr_assert(fgets(said, (int)size, cr_get_redirected_stderr()));
	cr_assert(!strncmp(said, path, strlen(path)), "%s", said);
	memmove(said, said + strlen(path), strlen(said + strlen(path)) + 1);
}

Test(conf, lines_are_right_behind_comments)
{
	static const char text[] =
		"# one\n/* two\n three */\n// four\nnumber = 5 # five\nbogus = 6\n";
	char said[256];

	load_bad(text, strlen(text), said, sizeof(said));
	cr_assert_str_eq(said, ":6: no such option 'bogus': expected one of number\n");
}

Test(conf, a_zero_byte_is_not_the_end)
{
	char said[256];

	load_bad("number = 1\n\0bogus", 17, said, sizeof(said));
	cr_assert_str_eq(said, ":2: a zero byte: expected text\n");
}

Test(conf, a_directory_is_no_file)
{
	cfg_opt_t options[] = {CFG_END()};
	cfg_t *cfg;

	cr_redirect_stderr();
	cr_assert_eq(mnat_conf_load("/tmp", options, NULL, &cfg), -EISDIR);
}

/* ---- gateway.conf ---- */

static int load_gateway(const char *text, struct mnat_gateway_conf *conf)
{
	char path[] = "/tmp/gateway-conf-XXXXXX";
	int r;

	write_file(path, text, strlen(text));
	r = mnat_gateway_conf_load(path, conf);
	unlink(path);
	return r;
}

static int load_pool(const char *outside, const char *rest, struct mnat_gateway_conf *conf)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "inside { interfaces = {\"in0\"} prefixes = {\"10.0.1.0/26\"} }\n"
		 "outside { interfaces = {\"out0\"} %s }\n%s\n",
		 outside, rest);
	return load_gateway(text, conf);
}

#define ADDRESS "addresses = \"135.180.32.4\""

Test(gateway_conf, mode)
{
	struct mnat_gateway_conf conf;

	cr_redirect_stderr();
	cr_assert_eq(load_pool(ADDRESS, "", &conf), 0);
	cr_assert_eq(conf.mode, MNAT_GATEWAY_AUTO);
	cr_assert_eq(load_pool(ADDRESS, "mode = \"tc\"", &conf), 0);
	cr_assert_eq(conf.mode, MNAT_GATEWAY_TC);
	cr_assert_eq(load_pool(ADDRESS, "mode = \"xdp\"", &conf), 0);
	cr_assert_eq(conf.mode, MNAT_GATEWAY_XDP);
	cr_assert_eq(load_pool(ADDRESS, "mode = \"fast\"", &conf), -EINVAL);
}

/* Paragraph 93: 135.180.32.1 to .7, ports 8000 to 10000. */
Test(gateway_conf, pool_of_the_seed)
{
	struct mnat_gateway_conf conf;

	cr_assert_eq(load_pool("addresses = \"135.180.32.1-135.180.32.7\" "
				  "ports = \"8000-10000\"", "", &conf), 0);
	cr_assert_eq(conf.bpf.n_external, 1);
	cr_assert_eq(conf.bpf.external[0].first, 0x87b42001);
	cr_assert_eq(conf.bpf.external[0].last, 0x87b42007);
	cr_assert_eq(conf.bpf.external[0].port_first, 8000);
	cr_assert_eq(conf.bpf.external[0].port_last, 10000);
	cr_assert_eq(conf.bpf.external[0].n_blocks, 32);
	cr_assert_eq(conf.bpf.n_blocks, 7 * 32);
	cr_assert_not(conf.bpf.classes);
	cr_assert_eq(conf.bpf.max_blocks, 64);
	cr_assert_eq(conf.bpf.hold_down, 120);
	cr_assert(conf.bpf.accounting);
}

Test(gateway_conf, addresses_apart)
{
	struct mnat_gateway_conf conf;

	cr_assert_eq(load_pool("addresses = {\"135.180.32.4\", \"8.8.8.0/30\"} "
				  "ports = \"512-2047\" port-block = 16 hold-down = 0 "
				  "pooling = \"arbitrary\"",
				  "limits { ports-per-host = 100 sessions-per-host = 7 }\n"
				  "accounting = false\nlog { days = 0 }", &conf), 0);
	cr_assert_eq(conf.bpf.n_external, 2);
	cr_assert_eq(conf.bpf.external[1].block_base, 96);
	cr_assert_eq(conf.bpf.n_blocks, 5 * 96);
	cr_assert_eq(conf.bpf.external[1].n_low, 32);
	cr_assert(conf.bpf.classes);
	cr_assert_eq(conf.bpf.max_blocks, 6);
	cr_assert_eq(conf.bpf.max_host_sessions, 7);
	cr_assert_eq(conf.bpf.hold_down, 0);
	cr_assert_eq(conf.log_days, 0);
	cr_assert(conf.bpf.arbitrary && !conf.bpf.accounting);
}

/* The seed's pool beside one address of which all ports are the gateway's. */
Test(gateway_conf, ports_of_their_own)
{
	struct mnat_gateway_conf conf;

	cr_assert_eq(load_pool("addresses = {\"135.180.32.1-135.180.32.4:8000-10000\", \"8.8.8.8\", "
			       "\"9.9.9.0/31:7\"} ports = \"512-65535\"",
			       "forward \"a\" { address = \"135.180.32.4\" port = 10000 "
			       "host = \"10.0.1.5\" }\n"
			       "forward \"b\" { address = \"8.8.8.8\" port = 600 host = \"10.0.1.5\" }",
			       &conf), 0);
	cr_assert_eq(conf.bpf.n_external, 3);
	cr_assert_eq(conf.bpf.external[0].port_first, 8000);
	cr_assert_eq(conf.bpf.external[0].port_last, 10000);
	cr_assert_eq(conf.bpf.external[1].port_first, 512);
	cr_assert_eq(conf.bpf.external[1].port_last, 65535);
	cr_assert_eq(conf.bpf.external[1].block_base, 4 * 32);
	cr_assert_eq(conf.bpf.external[1].n_low, 8);
	cr_assert_eq(conf.bpf.external[2].port_last, 7);
	cr_assert_eq(conf.bpf.n_blocks, 4 * 32 + 1016 + 2);
	cr_assert_eq(conf.bpf.step, 1);
	cr_assert_eq(conf.n_forwards, 2);
}

/* 64 addresses and 16 mobile nodes on 2 addresses: 40 hosts each of 125 blocks get 3. */
Test(gateway_conf, deterministic)
{
	struct mnat_gateway_conf conf;

	cr_assert_eq(load_pool("addresses = \"8.8.8.0/31\" ports = \"8000-9999\" "
				  "port-block = 16 deterministic = true",
				  "limits { hosts = 16 }", &conf), 0);
	cr_assert_eq(conf.bpf.fixed, 3);
	cr_assert_eq(conf.bpf.max_blocks, 3);
	/* on addresses of 100 and 62 blocks 50 and 31 hosts have two each: 80 do */
	cr_assert_eq(load_pool("addresses = {\"8.8.8.0:8000-9599\", \"8.8.8.1:8000-8991\"} "
			       "port-block = 16 deterministic = true", "limits { hosts = 16 }", &conf),
		     0);
	cr_assert_eq(conf.bpf.fixed, 2);
}

Test(gateway_conf, bad_pools)
{
	static const struct {
		const char *outside, *rest, *want;
	} rows[] = {
		{"", "", ":2: outside: addresses: missing, expected the external address or range"},
		{"addresses = {\"8.8.8.8\", \"8.8.8.0/24\"}", "",
		 ":2: outside: addresses: \"8.8.8.0/24\" overlaps one before it"},
		{"addresses = {\"8.8.8.8\", \"10.0.1.9\"}", "",
		 ":2: outside: addresses: \"10.0.1.9\" overlaps an inside or virtual prefix"},
		{"addresses = {\"8.8.8.8:1024-2047\", \"8.8.8.8:4096-8191\"}", "",
		 ":2: outside: addresses: \"8.8.8.8:4096-8191\" overlaps one before it"},
		{"addresses = \"8.8.8.8:0-2047\"", "",
		 ":2: outside: addresses = \"8.8.8.8:0-2047\": expected an address, a prefix, or a "
		 "range, and behind it ports of its own if it has any, such as "
		 "135.180.32.1-135.180.32.4:8000-10000"},
		{"addresses = {\"8.8.8.8:7000-8000\", \"9.9.9.9\"}",
		 "forward \"web\" { address = \"9.9.9.9\" port = 40000 host = \"10.0.1.5\" }",
		 ":3: port = 40000: expected an address and port of outside { addresses, ports }, and "
		 "a host-port below 65536"},
		{"addresses = {\"8.8.0.0/24\", \"9.9.9.9\"}", "",
		 ":2: outside: addresses: more than 256 external addresses"},
		{"addresses = \"8.8.8.8\" port-block = 48", "",
		 ":2: outside: port-block = 48: expected a power of two from 4 to 512"},
		{"addresses = \"8.8.8.8\" pooling = \"random\"", "",
		 ":2: outside: pooling = \"random\": expected \"paired\" or \"arbitrary\""},
		{"addresses = \"8.8.8.8\" hold-down = -1", "",
		 ":2: outside: hold-down = -1: expected a number from 0 to 2147483647"},
		{"addresses = \"8.8.8.8\" deterministic = true", "",
		 ":2: outside: deterministic: 4160 inside addresses and mobile nodes need a block "
		 "each, there are 496 in all: lower port-block, or add addresses or ports"},
		{"addresses = \"8.8.8.8\"", "limits { ports-per-host = 63 }",
		 ":3: limits: ports-per-host = 63: expected at least port-block, 64"},
	};
	struct mnat_gateway_conf conf;

	cr_redirect_stderr();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char said[256];

		cr_expect_eq(load_pool(rows[i].outside, rows[i].rest, &conf), -EINVAL);
		fflush(stderr);
		cr_assert(fgets(said, sizeof(said), cr_get_redirected_stderr()));
		said[strcspn(said, "\n")] = '\0';
		cr_expect_str_eq(strchr(said, ':'), rows[i].want);
	}
}

/* ---- node.conf ---- */

static int load_node(const char *text, struct mnat_node_conf *conf)
{
	char path[] = "/tmp/node-conf-XXXXXX";
	int r;

	write_file(path, text, strlen(text));
	r = mnat_node_conf_load(path, conf);
	unlink(path);
	return r;
}

Test(node_conf, mode)
{
	struct mnat_node_conf conf;

	cr_redirect_stderr();
	cr_assert_eq(load_node("uplinks = {\"wl0\"}\n", &conf), 0);
	cr_expect_eq(conf.mode, DHCP_MODE_EITHER);
	cr_expect_not(conf.tunnel_out);
	cr_assert_eq(load_node("uplinks = {\"wl0\"}\nmode = \"tunnel\"\ntunnel-out = true\n",
			       &conf),
		     0);
	cr_expect_eq(conf.mode, DHCP_MODE_TUNNEL);
	cr_expect(conf.tunnel_out);
	cr_expect_eq(load_node("uplinks = {\"wl0\"}\nmode = \"mobile-ip-home\"\n", &conf), -EINVAL);
	cr_expect_eq(load_node("uplinks = {\"wl0\"}\nmode = \"fast\"\n", &conf), -EINVAL);
}

Test(node_conf, roaming)
{
	struct mnat_node_conf conf;

	cr_redirect_stderr();
	cr_assert_eq(load_node("uplinks = {\"wl0\"}\n", &conf), 0);
	cr_assert_eq(conf.public_space, MNAT_PUBLIC_KEEP);
	cr_assert(conf.release);
	cr_assert_eq(load_node("uplinks = {\"wl0\"}\npublic = \"reset\"\nrelease = \"never\"\n",
			       &conf),
		     0);
	cr_assert_eq(conf.public_space, MNAT_PUBLIC_RESET);
	cr_assert_not(conf.release);
	cr_assert_eq(load_node("uplinks = {\"wl0\"}\npublic = \"never\"\n", &conf), 0);
	cr_assert_eq(conf.public_space, MNAT_PUBLIC_NEVER);
	cr_assert_eq(load_node("uplinks = {\"wl0\"}\npublic = \"maybe\"\n", &conf), -EINVAL);
	cr_assert_eq(load_node("uplinks = {\"wl0\"}\nrelease = \"\"\n", &conf), -EINVAL);
}

Test(node_conf, uplinks_of_equal_priority)
{
	static const char *const wrong[] = {
		"uplinks = {\"wl0\"}\nuplink \"wl1\" {\n}\n",
		"uplinks = {\"wl0\"}\nsignal-weak = 5\n",
		"uplinks = {\"wl0\"}\nsignal-margin = -1\n",
		"uplinks = {\"wl0\"}\nuplink \"wl0\" {\n\tpriority = -1\n}\n",
	};
	struct mnat_node_conf conf;

	cr_assert_eq(load_node("uplinks = {\"wl0\", \"wl1\"}\n", &conf), 0);
	cr_expect_eq(conf.uplink_conf[1].priority, 1);
	cr_expect_eq(conf.signal_weak, -78);
	cr_assert_eq(load_node("uplinks = {\"wl0\", \"wl1\"}\nuplink \"wl1\" {\n"
			       "\tpriority = 0\n\tsignal = \"/run/dbm\"\n}\n",
			       &conf),
		     0);
	cr_expect_eq(conf.uplink_conf[1].priority, 0);
	cr_expect_str_eq(conf.uplink_conf[1].signal, "/run/dbm");
	cr_expect_str_eq(conf.uplink_conf[0].signal, "");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(load_node(wrong[i], &conf), -EINVAL, "%s", wrong[i]);
}
