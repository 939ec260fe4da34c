/* SPDX-License-Identifier: GPL-2.0-only */
/* Constants that BTF does not carry, and what every program includes. */
#ifndef MNAT_DEFS_H
#define MNAT_DEFS_H

/*
 * Contexts and packet headers are kernel UAPI: their layout never changes, and
 * relocating each access makes clang keep the offset in a register, which the
 * verifier refuses for contexts.
 */
#define BPF_NO_PRESERVE_ACCESS_INDEX
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "mnat/abi.h"

#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_HLEN 14
#define ETH_ALEN 6

#define ARPHRD_ETHER 1
#define ARPOP_REQUEST 1
#define ARPOP_REPLY 2

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff

#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12

/* codes of ICMP_DEST_UNREACH */
#define ICMP_FRAG_NEEDED 4
#define ICMP_PROHIBITED 13

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define AF_INET 2

#define PACKET_HOST 0
#define PACKET_OTHERHOST 3

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2
#define TC_ACT_REDIRECT 7

#define BPF_CSUM_LEVEL_RESET 3
#define BPF_RB_NO_WAKEUP 1

#define NS_PER_SEC 1000000000ull

#define EEXIST 17
#define EALREADY 114

#endif
