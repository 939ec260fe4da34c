/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages to standard error, one line each. Under systemd (JOURNAL_STREAM is
 * set) a line starts with its <priority>, else with the program's name.
 * errno is preserved. Secrets are never passed here.
 */
#ifndef MNAT_LOG_H
#define MNAT_LOG_H

enum mnat_log_level { MNAT_LOG_ERR = 3, MNAT_LOG_WARN = 4, MNAT_LOG_INFO = 6, MNAT_LOG_DEBUG = 7 };

/* name: the program's, kept by reference. Messages above max_level are not written. */
void mnat_log_init(const char *name, enum mnat_log_level max_level);

void mnat_log(enum mnat_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_err(...) mnat_log(MNAT_LOG_ERR, __VA_ARGS__)
#define log_warn(...) mnat_log(MNAT_LOG_WARN, __VA_ARGS__)
#define log_info(...) mnat_log(MNAT_LOG_INFO, __VA_ARGS__)
#define log_debug(...) mnat_log(MNAT_LOG_DEBUG, __VA_ARGS__)

#endif
