// SPDX-License-Identifier: GPL-2.0-only
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mnat/addr.h"
#include "mnat/log.h"
#include "state.h"

static char dir[] = "/tmp/mnatc-state-XXXXXX";
static char path[64];

static void setup(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sub/state.json", dir);
	mnat_log_init("test", 0);
}

static void teardown(void)
{
	unlink(path);
	path[strlen(dir) + 4] = '\0';
	rmdir(path);
	rmdir(dir);
}

TestSuite(state, .init = setup, .fini = teardown);

static struct in_addr ip(const char *text)
{
	struct in_addr addr;

	cr_assert_eq(mnat_parse_ip(text, &addr), 0);
	return addr;
}

static struct state example(void)
{
	return (struct state){
		.virt = ip("10.128.0.2"),
		.have_lease = true,
		.lease = {.actual = ip("10.0.1.5"),
			  .mask = ip("255.255.255.0"),
			  .router = ip("10.0.1.1"),
			  .server = ip("10.0.0.1"),
			  .manager = ip("10.0.0.1"),
			  .virt = ip("10.128.0.2"),
			  .mobile = true,
			  .lease_s = 3600,
			  .t1_s = 1800,
			  .t2_s = 3150,
			  .since_ns = mnat_clock_now()},
	};
}

static void write_text(const char *text)
{
	struct state state = example();
	FILE *f;

	cr_assert_eq(state_save(path, &state), 0); /* makes the directory */
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fputs(text, f);
	fclose(f);
}

Test(state, what_is_saved_is_loaded)
{
	struct state saved = example(), loaded;
	struct stat st;

	state_remember_network(&saved, &(struct network){0x112233445566, ip("10.0.1.5")});
	state_remember_network(&saved,
			       &(struct network){0x010203040506, ip("10.0.2.7"),
						 ip("255.255.255.0"), ip("10.0.2.1"), 7, 1234567});
	cr_assert_eq(state_save(path, &saved), 0);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	cr_assert_eq(state_load(path, &loaded), 0);
	cr_assert_eq(loaded.virt.s_addr, saved.virt.s_addr);
	cr_assert(loaded.have_lease);
	cr_assert_eq(memcmp(&loaded.lease, &saved.lease, sizeof(struct lease)), 0);
	cr_assert_eq(loaded.n_networks, 2);
	cr_assert_eq(loaded.networks[0].gateway_mac, 0x010203040506);
	cr_assert_eq(loaded.networks[0].router.s_addr, ip("10.0.2.1").s_addr);
	cr_assert_eq(loaded.networks[0].domain, 7);
	cr_assert_eq(loaded.networks[0].until_ns, 1234567);
	cr_assert_eq(loaded.networks[1].actual.s_addr, ip("10.0.1.5").s_addr);
}

Test(state, a_lease_that_ran_out_is_not_returned_but_the_virtual_address_is)
{
	struct state saved = example(), loaded;

	saved.lease.since_ns -= 3601 * MNAT_NS_PER_SEC;
	cr_assert_eq(state_save(path, &saved), 0);
	cr_assert_eq(state_load(path, &loaded), 0);
	cr_assert_not(loaded.have_lease);
	cr_assert_eq(loaded.virt.s_addr, saved.virt.s_addr);
}

/* As if the machine had been booted since the file was written. */
static void boot(json_int_t wall_s)
{
	json_t *json = json_load_file(path, 0, NULL), *network;

	cr_assert_eq(json_object_set_new(json, "boot_id", json_string("another")), 0);
	network = json_array_get(json_object_get(json, "networks"), 0);
	cr_assert_eq(json_object_set_new(network, "until_wall_s", json_integer(wall_s)), 0);
	cr_assert_eq(json_object_set_new(json_object_get(json, "lease"), "since_wall_s",
					 json_integer(wall_s - 3600)), 0);
	cr_assert_eq(json_dump_file(json, path, 0), 0);
	json_decref(json);
}

Test(state, after_a_boot_the_wall_clock_says_what_is_left)
{
	struct state saved = example(), loaded;
	uint64_t left;

	state_remember_network(&saved, &(struct network){7, ip("10.0.1.5"), .until_ns = 1});
	cr_assert_eq(state_save(path, &saved), 0);
	boot(time(NULL) + 100);
	cr_assert_eq(state_load(path, &loaded), 0);
	left = loaded.networks[0].until_ns - mnat_clock_now();
	cr_assert(left > 90 * MNAT_NS_PER_SEC && left <= 100 * MNAT_NS_PER_SEC);
	left = lease_expiry(&loaded.lease) - mnat_clock_now();
	cr_assert(left > 90 * MNAT_NS_PER_SEC && left <= 100 * MNAT_NS_PER_SEC);
	boot(time(NULL) - 1);
	cr_assert_eq(state_load(path, &loaded), 0);
	cr_assert_eq(loaded.networks[0].until_ns, 0);
	cr_assert_not(loaded.have_lease);
	boot(time(NULL) + 4000); /* the lease would begin in the future: the clock was set */
	cr_assert_eq(state_load(path, &loaded), 0);
	cr_assert_not(loaded.have_lease);
}

Test(state, none_is_not_an_error_to_shout_about)
{
	struct state loaded;

	cr_assert_eq(state_load(path, &loaded), -ENOENT);
}

Test(state, edited_files)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"{\"version\":2,\"virtual\":\"10.128.0.2\"}",
		"{\"version\":1}",
		"{\"version\":1,\"virtual\":7}",
		"{\"version\":1,\"virtual\":\"10.128.0\"}",
	};
	struct state loaded;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_text(texts[i]);
		cr_expect_eq(state_load(path, &loaded), -EINVAL, "%s", texts[i]);
	}
	write_text("{\"version\":1,\"virtual\":\"10.128.0.2\",\"lease\":{\"actual\":1},"
		   "\"networks\":[{\"gateway_mac\":\"x\"},3]}");
	cr_assert_eq(state_load(path, &loaded), 0);
	cr_assert_not(loaded.have_lease);
	cr_assert_eq(loaded.n_networks, 0);
}

Test(state, networks_are_kept_latest_first_and_bounded)
{
	struct state state = {};

	for (uint64_t mac = 1; mac <= 20; mac++)
		state_remember_network(&state, &(struct network){mac, ip("10.0.1.5")});
	cr_assert_eq(state.n_networks, STATE_NETWORKS);
	cr_assert_eq(state.networks[0].gateway_mac, 20);
	state_remember_network(&state, &(struct network){10, ip("10.0.1.9")});
	cr_assert_eq(state.n_networks, STATE_NETWORKS);
	cr_assert_eq(state.networks[0].gateway_mac, 10);
	cr_assert_eq(state.networks[1].gateway_mac, 20);
	cr_assert_eq(state.networks[15].gateway_mac, 5);
}

/* ---- between domains ---- */

Test(state, domains_and_their_secrets_are_kept)
{
	struct state saved = example(), loaded;
	struct lease away = {.manager = ip("143.32.2.70"),
			     .virt = ip("10.128.0.5"),
			     .mobile = true,
			     .domain = 2};

	saved.lease.domain = 1;
	saved.lease.have_token = true;
	memset(&saved.lease.token, 0x5a, sizeof(saved.lease.token));
	roam_enter(&saved.roam, &away, 7);
	roam_enter(&saved.roam, &saved.lease, 8);
	saved.roam.counter = 1000;
	saved.dhcp_replay = 0xea000000ffffffff; /* a time as NTP has it */
	cr_assert_eq(state_save(path, &saved), 0);
	cr_assert_gt(saved.roam.reserved, 1000);
	cr_assert_eq(state_load(path, &loaded), 0);
	cr_assert_eq(loaded.dhcp_replay, saved.dhcp_replay);
	cr_assert_eq(loaded.roam.n, 2);
	cr_assert(loaded.roam.here);
	cr_assert_eq(loaded.roam.homes[0].domain, 1);
	cr_assert(loaded.roam.homes[0].have_token);
	cr_assert_arr_eq(&loaded.roam.homes[0].token, &saved.lease.token,
			 sizeof(saved.lease.token));
	cr_assert_eq(loaded.roam.homes[1].virt.s_addr, ip("10.128.0.5").s_addr);
	cr_assert_not(loaded.roam.homes[1].have_token);
	cr_assert_neq(loaded.roam.homes[0].serial, loaded.roam.homes[1].serial);
	cr_assert_eq(loaded.roam.counter, saved.roam.reserved, "what was reserved may be used");
}

Test(state, a_file_of_before_has_no_domains_but_a_number)
{
	struct state loaded;

	write_text("{\"version\": 1, \"virtual\": \"10.128.0.2\"}");
	cr_assert_eq(state_load(path, &loaded), 0);
	cr_assert_eq(loaded.roam.n, 0);
	cr_assert_gt(loaded.roam.counter, 0);
}

Test(state, a_domain_that_makes_no_sense_is_left_out)
{
	struct state loaded;

	write_text("{\"version\": 1, \"virtual\": \"10.128.0.2\", \"counter\": 5, \"homes\": ["
		   "{\"domain\": -1, \"manager\": \"10.0.0.1\", \"virtual\": \"10.128.0.2\"},"
		   "{\"domain\": 1, \"manager\": \"10.0.0\", \"virtual\": \"10.128.0.2\"},"
		   "{\"domain\": 1, \"manager\": \"10.0.0.1\", \"virtual\": \"10.128.0.2\","
		   " \"ticket\": \"00\", \"key\": \"zz\"}, 7]}");
	cr_assert_eq(state_load(path, &loaded), 0);
	cr_assert_eq(loaded.roam.n, 1);
	cr_assert_not(loaded.roam.homes[0].have_token);
	cr_assert_eq(loaded.roam.counter, 5);
}
