/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_REDIS_URL_H
#define SINK_REDIS_URL_H

/*
 * redis://[user[:password]@]host[:port][/db], rediss:// for TLS, unix:///path?db=N. Parts may be
 * written with %XX. Pure; the parts live in the arena. False with a text for the user (no secret in
 * it) when it is not one of these.
 */

#include "sink/redis_conf.h"

bool redis_url_parse(struct str text, struct arena *a, struct redis_url *ret_url,
                     const char **ret_fault) MUST_CHECK;

#endif
