/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_REDIS_SCRIPT_H
#define SINK_REDIS_SCRIPT_H

/*
 * The Lua texts that run in Redis. They are constant; data goes only into KEYS and ARGV. What they do
 * and why is said at the top of redis_script.c.
 */

enum redis_script {
    REDIS_SCRIPT_OPEN,
    REDIS_SCRIPT_START,
    REDIS_SCRIPT_BATCH,
    REDIS_SCRIPT_REPLAY,
    REDIS_SCRIPT_COUNT
};

const char *redis_script_text(enum redis_script which);

#endif
