/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The node's TCP connections, with what sock_diag(7) does not tell: sequence numbers and
 * the state of the retransmission timer. Read by mnatc after an outage (ctl/mnatc/wake.h).
 */
#ifndef MNAT_NODE_TCP_H
#define MNAT_NODE_TCP_H

#include "defs.h"

/* The members we read, wherever this kernel has them (CO-RE). */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num; /* the local port, in host order */
	volatile unsigned char skc_state;
};

struct inet_connection_sock {
	__u8 icsk_backoff;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 snd_una;
	__u32 rcv_wup;
	__u64 tcp_mstamp; /* CLOCK_MONOTONIC, in microseconds */
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};
#pragma clang attribute pop

#define TCP_ESTABLISHED 1
#define TCP_FIN_WAIT1 4
#define TCP_FIN_WAIT2 5
#define TCP_CLOSE_WAIT 8
#define TCP_LAST_ACK 9
#define TCP_CLOSING 11
#define TCP_SENDS (1u << TCP_ESTABLISHED | 1u << TCP_FIN_WAIT1 | 1u << TCP_CLOSE_WAIT | \
		   1u << TCP_LAST_ACK | 1u << TCP_CLOSING)
#define TCP_RECEIVES (1u << TCP_ESTABLISHED | 1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2)

static __always_inline __u64 tcp_silence_ns(const struct tcp_sock *tp)
{
	__u64 now = bpf_ktime_get_ns(), last = tp->tcp_mstamp * 1000;

	return now > last ? now - last : 0;
}

SEC("iter/tcp")
int node_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct mnat_tcp row = {};
	struct tcp_sock *tp;
	__u32 state;

	if (!common)
		return 0; /* after the last one */
	state = 1u << common->skc_state;
	if (!(state & (TCP_SENDS | TCP_RECEIVES)))
		return 0;
	tp = bpf_skc_to_tcp_sock(common);
	if (!tp)
		return 0;
	row.local = common->skc_rcv_saddr;
	row.remote = common->skc_daddr;
	row.port = bpf_htons(common->skc_num);
	row.remote_port = common->skc_dport;
	row.snd_una = tp->snd_una;
	row.acked = tp->rcv_wup;
	row.silence_ns = tcp_silence_ns(tp);
	row.backoff = state & TCP_SENDS ? tp->inet_conn.icsk_backoff : 0;
	row.receives = !!(state & TCP_RECEIVES);
	bpf_seq_write(ctx->meta->seq, &row, sizeof(row));
	return 0;
}

#endif
