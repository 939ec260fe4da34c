// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends frames by BPF_PROG_TEST_RUN of the pinned program "source" (xdp.bpf.c), as fast as
 * this processor does everything up to their end; tells how long that took.
 *
 *   xdpsource PINS DEVICE PACKETS LENGTH     prints nanoseconds
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int main(int argc, char **argv)
{
	uint8_t frame[1514] = {};
	struct xdp_md ctx = {};
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
			    .batch_size = 64);
	char path[4096];
	uint64_t began;
	int fd;

	if (argc != 5) {
		fprintf(stderr, "usage: xdpsource PINS DEVICE PACKETS LENGTH\n");
		return 2;
	}
	snprintf(path, sizeof(path), "%s/source", argv[1]);
	fd = bpf_obj_get(path);
	if (fd < 0) {
		fprintf(stderr, "xdpsource: %s: %s\n", path, strerror(errno));
		return 1;
	}
	ctx.ingress_ifindex = if_nametoindex(argv[2]);
	opts.repeat = atoi(argv[3]);
	opts.data_size_in = (uint32_t)atoi(argv[4]);
	if (opts.data_size_in < 42 || opts.data_size_in > sizeof(frame)) {
		fprintf(stderr, "xdpsource: a frame of 42 to %zu bytes is needed\n", sizeof(frame));
		return 2;
	}
	ctx.data_end = opts.data_size_in;
	began = now_ns();
	if (bpf_prog_test_run_opts(fd, &opts)) {
		fprintf(stderr, "xdpsource: BPF_PROG_TEST_RUN: %s\n", strerror(errno));
		return 1;
	}
	printf("%llu\n", (unsigned long long)(now_ns() - began));
	return 0;
}
