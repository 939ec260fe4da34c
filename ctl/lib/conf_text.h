/* SPDX-License-Identifier: GPL-2.0-only */
/* The text of a configuration file as libconfuse is to see it. */
#ifndef MNAT_CONF_TEXT_H
#define MNAT_CONF_TEXT_H

#define CONF_TEXT_MAX (1 << 20)

/*
 * Read the file; 0, or -errno with the error printed. *ret_text ends with a zero
 * byte and is the caller's. Comments become spaces: libconfuse 3.3 counts their lines
 * twice or thrice, and every error behind one would name a wrong line.
 */
int conf_text_read(const char *path, char **ret_text);

/* The same in two steps. fd or -errno, printed by the second. */
int conf_text_open(const char *path);
int conf_text_read_fd(const char *path, int fd, char **ret_text);

/* The second half of it, for text in memory. */
void conf_text_blank_comments(char *text);

#endif
