/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_REDIS_REWRITE_H
#define SINK_REDIS_REWRITE_H

/* A Redis that was restarted since the sink wrote there last rewrites its append-only file before the
 * sink writes again; redis_rewrite.c says why. */

#include "sink/redis_check.h"

/* Nothing to do, or done: true. `key` holds the run id of the server whose file is known to be whole.
 * Waits for the server for a second at most, less when `stop_fd` is set; if it is not ready then, or
 * cannot do it, ERR_RETRY with E_REDIS_REWRITING, and the next call goes on from there. */
bool redis_rewrite_ensure(struct redis_conn *conn, const struct redis_conf *conf, const char *key,
                          const struct redis_server *server, int stop_fd,
                          struct error *err) MUST_CHECK;

#endif
