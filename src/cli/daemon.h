/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DAEMON_H
#define CLI_DAEMON_H

/* Asking the running daemon of a data directory, through its control socket. */

#include "base/buf.h"
#include "base/error.h"

/* GET path, e.g. "/v1/status"; the body into `b`. ERR_STOP, E_NOT_RUNNING when nobody answers there. */
bool daemon_get(const char *dir, const char *path, struct buf *b, struct error *err) MUST_CHECK;

#endif
