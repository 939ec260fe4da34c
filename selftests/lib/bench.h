/* SPDX-License-Identifier: GPL-2.0-only */
/* Between xdp.bpf.c and those that drive it. */
#ifndef BENCH_H
#define BENCH_H

enum bench_count { BENCH_SENT, BENCH_RECEIVED, BENCH_UNTRANSLATED, BENCH_N_COUNTS };

struct bench_settings {
	unsigned int flows;
	unsigned int first_flow;
	unsigned int first_host; /* host order */
	unsigned int hosts;
	unsigned int first_server;
	unsigned int servers;
	unsigned int forward_addr; /* network order: source address of what "forward" sends */
	unsigned int shuffle;	   /* 1: a random flow each time; 0: one after the other */
	unsigned char dest[6];	   /* link addresses */
	unsigned char source[6];
	unsigned char forward_dest[6];
	unsigned char forward_source[6];
};

#endif
