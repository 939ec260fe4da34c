// SPDX-License-Identifier: GPL-2.0-only
/*
 * The nanoseconds a loaded TC program takes for one frame, by BPF_PROG_TEST_RUN.
 *
 *   shimns PROGRAM-ID IFINDEX TIMES <FRAME
 *
 * Prints the median. Each run gets the frame afresh: what a program has rewritten is
 * another packet. Map changes stay, so sessions are those of the second packet on.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TIMES 100000

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int measure(int prog_fd, uint32_t ifindex, const uint8_t *frame, uint32_t len, int times)
{
	static uint32_t ns[MAX_TIMES];
	static uint8_t out[4096];

	for (int i = 0; i < times; i++) {
		struct __sk_buff ctx = {.ifindex = ifindex};
		DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len,
				    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &ctx,
				    .ctx_size_in = sizeof(ctx), .repeat = 1);
		int r = bpf_prog_test_run_opts(prog_fd, &opts);

		if (r) {
			fprintf(stderr, "shimns: BPF_PROG_TEST_RUN: %s\n", strerror(-r));
			return 1;
		}
		ns[i] = opts.duration;
	}
	qsort(ns, (size_t)times, sizeof(ns[0]), compare);
	printf("%u\n", ns[times / 2]);
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t frame[2048];
	int fd, times;
	size_t len;

	if (argc != 4)
		return 2;
	times = atoi(argv[3]);
	if (times < 1 || times > MAX_TIMES)
		return 2;
	len = fread(frame, 1, sizeof(frame), stdin);
	fd = bpf_prog_get_fd_by_id((uint32_t)strtoul(argv[1], NULL, 10));
	if (fd < 0) {
		perror("shimns: program");
		return 1;
	}
	return measure(fd, (uint32_t)strtoul(argv[2], NULL, 10), frame, (uint32_t)len, times);
}
