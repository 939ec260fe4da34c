// SPDX-License-Identifier: GPL-2.0-only
/* The gateway's programs on TC: one for each way in, the guard, the sweep. */
#include "ctx_tc.h"
#include "nat.h"
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
	struct mnat_sweep sweep = {}, *args;

	if (bpf_skb_pull_data(skb, sizeof(*args)))
		return TC_ACT_SHOT;
	args = (void *)(long)skb->data;
	if ((void *)(args + 1) > (void *)(long)skb->data_end)
		return TC_ACT_SHOT;
	sweep.now = args->now ? args->now : now_seconds();
	bpf_for_each_map_elem(&sessions, sweep_session, &sweep, 0);
	count_n(MNAT_C_SESSION_SWEPT, sweep.deleted, 0);
	return bpf_skb_store_bytes(skb, 0, &sweep, sizeof(sweep), 0) ? TC_ACT_SHOT : TC_ACT_OK;
}

char _license[] SEC("license") = "GPL";
