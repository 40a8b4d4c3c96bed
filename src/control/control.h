/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

/*
 * The window into a running daemon: HTTP on a unix socket in the data directory (mode 0600), served by
 * the HTTP library's own thread. It sees the pipeline only through copies of its progress.
 *
 *   GET /v1/status   200, the JSON of control_status
 *
 * Everything else is 404 or 405. A request has no body and small headers; connections, their number
 * and their idle time are bounded.
 */

#include "base/buf.h"
#include "base/error.h"
#include "pipeline/supervisor.h"

struct control;

/* ERR_STOP, E_CONTROL_SOCKET. A socket that a killed process left is replaced: the lock on the
 * directory is ours. */
bool control_open(struct supervisor *s, const char *dir, struct control **ret_control,
                  struct error *err) MUST_CHECK;
void control_close(struct control *c);

/* A path of at most 108 bytes for the socket in `dir`, however long that is; *ret_fd stays open while the
 * path is used. For both ends. */
bool control_socket_path(const char *dir, int *ret_fd, char *ret_path, size_t size,
                         struct error *err) MUST_CHECK;

/* {"pipeline":..,"state":"running|degraded|failed",...}: one object, documented in docs/operations.md. */
void control_status(struct supervisor *s, struct buf *b);

#endif
