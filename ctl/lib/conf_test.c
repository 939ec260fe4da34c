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

/* The first line of stderr after a load of this content, which must fail. */
static void load_bad(const void *content, size_t len, char *said, size_t size)
{
	cfg_opt_t options[] = {CFG_INT("number", 0, CFGF_NONE), CFG_END()};
	char path[] = "/tmp/mnat-conf-XXXXXX";
	int fd = mkstemp(path);
	cfg_t *cfg;

	cr_assert(fd >= 0 && write(fd, content, len) == (ssize_t)len);
	close(fd);
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

static int load_gateway(const char *mode, struct mnat_gateway_conf *conf)
{
	char path[] = "/tmp/gateway-conf-XXXXXX", text[512];
	int fd = mkstemp(path), r, len;

	cr_assert_geq(fd, 0);
	len = snprintf(text, sizeof(text), "%s\ninside { interfaces = {\"in0\"} "
		       "prefixes = {\"10.0.0.0/16\"} }\noutside { interfaces = {\"out0\"} "
		       "addresses = \"135.180.32.4\" }\n", mode);
	cr_assert_eq(write(fd, text, (size_t)len), len);
	close(fd);
	r = mnat_gateway_conf_load(path, conf);
	unlink(path);
	return r;
}

Test(gateway_conf, mode)
{
	struct mnat_gateway_conf conf;

	cr_redirect_stderr();
	cr_assert_eq(load_gateway("", &conf), 0);
	cr_assert_eq(conf.mode, MNAT_GATEWAY_AUTO);
	cr_assert_eq(load_gateway("mode = \"tc\"", &conf), 0);
	cr_assert_eq(conf.mode, MNAT_GATEWAY_TC);
	cr_assert_eq(load_gateway("mode = \"xdp\"", &conf), 0);
	cr_assert_eq(conf.mode, MNAT_GATEWAY_XDP);
	cr_assert_eq(load_gateway("mode = \"fast\"", &conf), -EINVAL);
}

/* ---- node.conf ---- */

static int load_node(const char *text, struct mnat_node_conf *conf)
{
	char path[] = "/tmp/node-conf-XXXXXX";
	int fd = mkstemp(path), r;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
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
