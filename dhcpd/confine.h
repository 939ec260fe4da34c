/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process that parses strangers' messages cannot do any more, whatever becomes
 * of it: open a file, make or connect a socket, start a program, load BPF, trace another
 * process. It works on with the descriptors it has and those that the keeper hands it.
 */
#ifndef DHCPD_CONFINE_H
#define DHCPD_CONFINE_H

/* 0 or -errno, logged. Whatever is refused later fails with EPERM. */
int confine(void);

/* All of them, for good. 0 or -errno, logged. */
int confine_drop_capabilities(void);

#endif
