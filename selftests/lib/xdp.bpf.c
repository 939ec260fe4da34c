// SPDX-License-Identifier: GPL-2.0-only
/*
 * What laboratories need of XDP beside the programs under test: a program that lets a veth
 * device take frames (pass), a source, a sink and the least that a router can be.
 */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BENCH_N_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} way_out SEC(".maps");

struct udp_header {
	__be16 source, dest, len, check;
};

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udp_header udp;
} __attribute__((packed));

static __always_inline __u64 next(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&counts, &which);

	return n ? (*n)++ : 0;
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* Counts what carries a source beyond 10.0.0.0/8, and ends it. */
SEC("xdp")
int sink(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;

	if ((void *)(f + 1) > (void *)(long)ctx->data_end || f->eth.h_proto != bpf_htons(0x0800))
		return XDP_PASS;
	if (f->ip.protocol != IPPROTO_UDP)
		return XDP_PASS;
	next((f->ip.saddr & bpf_htonl(0xff000000)) == bpf_htonl(0x0a000000) ? BENCH_UNTRANSLATED :
									    BENCH_RECEIVED);
	return XDP_DROP;
}

/* No NAT, no routing: link addresses and out. */
SEC("xdp")
int forward(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;
	struct bench_settings *s;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&settings, &zero);
	if (!s || (void *)(f + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	if (f->eth.h_proto != bpf_htons(0x0800))
		return XDP_PASS;
	__builtin_memcpy(f->eth.h_dest, s->forward_dest, 6);
	__builtin_memcpy(f->eth.h_source, s->forward_source, 6);
	f->ip.saddr = s->forward_addr;
	return bpf_redirect_map(&way_out, 0, 0);
}

/*
 * Frames are recycled with the last edit in them: every field is written for each. A flow
 * is a host, its port, a server and its port.
 */
SEC("xdp")
int source(struct xdp_md *ctx)
{
	struct frame *f = (void *)(long)ctx->data;
	struct bench_settings *s;
	__u32 zero = 0, flow, sum;
	__u16 len;

	s = bpf_map_lookup_elem(&settings, &zero);
	if (!s || !s->flows || (void *)(f + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	flow = next(BENCH_SENT) % s->flows;
	if (s->shuffle)
		flow = bpf_get_prandom_u32() % s->flows;
	flow += s->first_flow;
	len = (__u16)((__u32)(ctx->data_end - ctx->data) - sizeof(f->eth));
	__builtin_memcpy(f->eth.h_dest, s->dest, 6);
	__builtin_memcpy(f->eth.h_source, s->source, 6);
	f->eth.h_proto = bpf_htons(0x0800);
	f->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(len),
		.ttl = 64,
		.protocol = IPPROTO_UDP,
		.saddr = bpf_htonl(s->first_host + flow % s->hosts),
		.daddr = bpf_htonl(s->first_server + flow % s->servers),
	};
	sum = 0;
	for (int i = 0; i < 10; i++)
		sum += ((__u16 *)&f->ip)[i];
	f->ip.check = fold(sum);
	f->udp.source = bpf_htons(1024 + flow / s->hosts % 60000);
	f->udp.dest = bpf_htons(5000 + flow / s->hosts / 60000);
	f->udp.len = bpf_htons(len - sizeof(f->ip));
	/* as if the payload were zeros */
	sum = (f->ip.saddr >> 16) + (f->ip.saddr & 0xffff) + (f->ip.daddr >> 16) +
	      (f->ip.daddr & 0xffff) + bpf_htons(IPPROTO_UDP) + 2 * f->udp.len + f->udp.source +
	      f->udp.dest;
	f->udp.check = fold(sum);
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
