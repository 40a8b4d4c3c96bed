/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_TLS_CONF_H
#define SINK_TLS_CONF_H

/*
 * The `tls` group of a sink's configuration, the same for all sinks; its fields are those of struct
 * net_tls. A static table; any thread.
 */

#include "config/config.h"
#include "net/net.h"

/* Whether connections are encrypted, and how. */
extern const struct config_key tls_conf_keys[];
/* Only how: for sinks whose URL says whether. `enabled` stays false. */
#define TLS_CONF_HOW (tls_conf_keys + 1)

#endif
