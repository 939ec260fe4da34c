/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration files, read by libconfuse: nested sections, comments with '#'.
 * Every error is one line on stderr: FILE:LINE: what is wrong, what was expected.
 */
#ifndef MNAT_CONF_H
#define MNAT_CONF_H

#include <confuse.h>

/*
 * Parse the file against opts. 0, or -errno with the error already printed
 * (-ENOENT: no such file; -EINVAL: its content). The caller frees *ret_cfg with
 * cfg_free(). validate (may be NULL) installs validators by cfg_set_validate_func()
 * before the file is read.
 */
int mnat_conf_load(const char *path, cfg_opt_t *opts, void (*validate)(cfg_t *),
		   cfg_t **ret_cfg);

/* Validators for cfg_set_validate_func(): each element must parse as the name says. */
int mnat_conf_is_ip(cfg_t *cfg, cfg_opt_t *opt);
int mnat_conf_is_prefix(cfg_t *cfg, cfg_opt_t *opt);
int mnat_conf_is_range(cfg_t *cfg, cfg_opt_t *opt);
int mnat_conf_is_pool(cfg_t *cfg, cfg_opt_t *opt);
int mnat_conf_is_ports(cfg_t *cfg, cfg_opt_t *opt);
int mnat_conf_is_positive(cfg_t *cfg, cfg_opt_t *opt);

#endif
