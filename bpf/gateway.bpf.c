// SPDX-License-Identifier: GPL-2.0-only
/* The gateway's programs on TC: one for each way in, the guard, the sweep. */
#include "ctx_tc.h"
#include "guard.h"
#include "inside.h"
#include "outside.h"
#include "sweep.h"

SEC("tc")
int gw_inside(struct __sk_buff *skb)
{
	return from_inside(skb);
}

SEC("tc")
int gw_outside(struct __sk_buff *skb)
{
	return from_outside(skb);
}

SEC("tc")
int gw_guard(struct __sk_buff *skb)
{
	return guard(skb);
}

SEC("tc")
int gw_sweep(struct __sk_buff *skb)
{
	struct mnat_sweep *sweep;
	struct sweep_run run = {};

	if (bpf_skb_pull_data(skb, sizeof(*sweep)))
		return TC_ACT_SHOT;
	sweep = ctx_data(skb);
	if ((void *)(sweep + 1) > ctx_data_end(skb))
		return TC_ACT_SHOT;
	run.sweep = sweep;
	run.end = ctx_data_end(skb);
	run.now = sweep->now ? sweep->now : now_seconds();
	run.n = sweep->n;
	bpf_loop(MNAT_SWEEP_KEYS, sweep_key, &run, 0);
	count_n(MNAT_C_SESSION_SWEPT, sweep->deleted, 0);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
