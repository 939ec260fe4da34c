// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mnat/addr.h"
#include "names.h"

static char dir[] = "/tmp/mnat-names-XXXXXX";
static struct mnat_node_conf conf = {.device = "mnat0", .dns = MNAT_DNS_FILE};

static void setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(conf.resolv_conf, sizeof(conf.resolv_conf), "%s/resolv.conf", dir);
	snprintf(conf.state_file, sizeof(conf.state_file), "%s/mnatc.json", dir);
}

static void teardown(void)
{
	char path[sizeof(dir) + 64];

	unlink(conf.resolv_conf);
	snprintf(path, sizeof(path), "%s/resolv.conf.before-mnatc", dir);
	unlink(path);
	rmdir(dir);
}

TestSuite(names, .init = setup, .fini = teardown);

static void put(const char *text)
{
	FILE *file = fopen(conf.resolv_conf, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void expect(const char *text)
{
	char found[512] = "", *line = found;
	FILE *file = fopen(conf.resolv_conf, "r");

	cr_assert_not_null(file);
	found[fread(found, 1, sizeof(found) - 1, file)] = '\0';
	fclose(file);
	if (*line == '#')
		line = strchr(line, '\n') + 1;
	cr_expect_str_eq(line, text);
}

static struct lease_dns servers(const char *first, const char *second, const char *search)
{
	struct lease_dns dns = {.n = second ? 2 : 1};

	mnat_parse_ip(first, &dns.servers[0]);
	if (second)
		mnat_parse_ip(second, &dns.servers[1]);
	strcpy(dns.search, search);
	return dns;
}

/* Applied twice and reverted: what was there before is there again, word for word. */
Test(names, the_file_before_comes_back)
{
	const char *before = "# mine\nnameserver 192.0.2.1\noptions edns0\n";
	struct lease_dns one = servers("10.0.0.1", "10.0.0.2", "example.org");
	struct lease_dns two = servers("10.5.0.1", NULL, "");
	struct names names;

	put(before);
	names_open(NULL, &conf, &names);
	names_apply(&names, &one);
	expect("search example.org\nnameserver 10.0.0.1\nnameserver 10.0.0.2\n");
	names_apply(&names, &two);
	expect("nameserver 10.5.0.1\n");
	names_revert(&names);
	cr_assert_eq(access(conf.resolv_conf, F_OK), 0);
	{
		char text[128];
		FILE *file = fopen(conf.resolv_conf, "r");

		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
		cr_expect_str_eq(text, before);
	}
}

/* A lease without name servers changes nothing, and so does a file that became another's. */
Test(names, what_is_not_ours_stays)
{
	struct lease_dns none = {}, one = servers("10.0.0.1", NULL, "");
	struct names names;

	put("nameserver 192.0.2.1\n");
	names_open(NULL, &conf, &names);
	names_apply(&names, &none);
	expect("nameserver 192.0.2.1\n");
	names_apply(&names, &one);
	put("nameserver 192.0.2.9\n");
	names_revert(&names);
	expect("nameserver 192.0.2.9\n");
}
