// SPDX-License-Identifier: GPL-2.0-only
/* What BPF_PROG_TEST_RUN itself costs. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

SEC("tc")
int empty(struct __sk_buff *skb)
{
	return 0;
}

char _license[] SEC("license") = "GPL";
