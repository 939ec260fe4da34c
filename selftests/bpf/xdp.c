// SPDX-License-Identifier: GPL-2.0-only
#include "xdp.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_xdp.skel.h"

/* What BPF_PROG_TEST_RUN takes in one piece: a page without its head and tail room. */
#define FRAME_MAX 3400

static struct gateway_xdp *skel;

bool xdp_wanted(void)
{
	const char *mode = getenv("MODE");

	return mode && !strcmp(mode, "xdp");
}

static void share_maps(struct bpf_object *tc)
{
	struct bpf_map *map, *other;

	bpf_object__for_each_map(map, skel->obj) {
		other = bpf_object__find_map_by_name(tc, bpf_map__name(map));
		if (other && !bpf_map__is_internal(map))
			cr_assert_eq(bpf_map__reuse_fd(map, bpf_map__fd(other)), 0);
	}
}

void xdp_start(struct bpf_object *tc, const struct mnat_gateway_config *cfg)
{
	const int ports[] = { harness_in(), harness_out() };

	if (!xdp_wanted())
		return;
	skel = gateway_xdp__open();
	cr_assert_not_null(skel);
	memcpy((void *)&skel->rodata->cfg, cfg, sizeof(*cfg));
	share_maps(tc);
	cr_assert_eq(gateway_xdp__load(skel), 0, "the XDP programs do not load");
	for (int i = 0; i < 2; i++) {
		uint32_t slot = (uint32_t)ports[i] % MNAT_OWN_MACS;
		uint64_t own = mnat_own_mac((uint32_t)ports[i], i ? mac_out : mac_in);

		cr_assert_eq(bpf_map_update_elem(bpf_map__fd(skel->maps.xdp_ports), &ports[i],
						 &ports[i], BPF_ANY), 0);
		cr_assert_eq(bpf_map_update_elem(bpf_map__fd(skel->maps.own_macs), &slot, &own,
						 BPF_ANY), 0);
	}
}

int xdp_map(const char *name)
{
	return bpf_object__find_map_fd_by_name(skel->obj, name);
}

static int tc_verdict(int xdp)
{
	switch (xdp) {
	case XDP_PASS:
		return OK;
	case XDP_DROP:
		return SHOT;
	case XDP_REDIRECT:
		return REDIRECT;
	}
	return -1;
}

static struct run run_alone(const char *program, int ifindex, const uint8_t *frame, size_t len)
{
	uint8_t space[PACKET_MAX];
	const uint8_t *addressed = harness_address(ifindex, space, frame, len);
	struct xdp_md ctx = { .data_end = (uint32_t)len, .ingress_ifindex = (uint32_t)ifindex };
	struct run run = {};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = addressed,
			    .data_size_in = (uint32_t)len, .data_out = run.frame,
			    .data_size_out = sizeof(run.frame), .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .repeat = 1);
	char name[32];
	int r;

	snprintf(name, sizeof(name), "%s_xdp", program);
	r = bpf_prog_test_run_opts(
		bpf_program__fd(bpf_object__find_program_by_name(skel->obj, name)), &opts);
	cr_assert_eq(r, 0, "BPF_PROG_TEST_RUN of %s, %zu bytes: %s", name, len, strerror(-r));
	run.verdict = tc_verdict((int)opts.retval);
	run.len = opts.data_size_out;
	if (addressed != frame)
		harness_unaddress(ifindex, run.frame, frame);
	return run;
}

int xdp_alone(const char *program, int ifindex, const struct packet *p)
{
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(p, frame);

	return run_alone(program, ifindex, frame, len).verdict;
}

struct run xdp_run(const char *program, int tc_fd, int ifindex, const uint8_t *frame, size_t len)
{
	struct run run;

	if (!skel || len > FRAME_MAX)
		return harness_run(tc_fd, ifindex, frame, len);
	run = run_alone(program, ifindex, frame, len);
	if (run.verdict != OK)
		return run;
	cr_assert(run.len == len && !memcmp(run.frame, frame, len),
		  "%s passes up what it has changed", program);
	return harness_run(tc_fd, ifindex, frame, len);
}
