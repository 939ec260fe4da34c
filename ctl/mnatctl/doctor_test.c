// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "doctor.h"

Test(doctor, name_servers_of_resolv_conf)
{
	static const char *const none[] = {"search example.org", "nameserver", "nameserver ",
					   "nameserver fe80::1%wl0", "nameservers 10.0.0.1",
					   "#nameserver 10.0.0.1", "nameserver 10.0.0.1.example.org"};
	struct in_addr server;

	cr_assert(doctor_name_server("nameserver 10.0.0.53\n", &server));
	cr_expect_eq(server.s_addr, inet_addr("10.0.0.53"));
	cr_assert(doctor_name_server(" nameserver\t192.0.2.1 # ours", &server));
	cr_expect_eq(server.s_addr, inet_addr("192.0.2.1"));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		cr_expect_not(doctor_name_server(none[i], &server), "%s", none[i]);
}
