/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_REDIS_CONF_H
#define SINK_REDIS_CONF_H

/*
 * The configuration of a Redis sink: the table of its keys, the checks that need no server, and the
 * checked structs. Commands are compiled once: an argument without a hole is kept as the bytes that go
 * over the wire, the others as templates. Everything lives in the configuration's arena; read-only
 * after the load.
 */

#include "config/config.h"
#include "model/change.h"
#include "net/net.h"
#include "process/template.h"

/* One argument of a command; it stays exactly one, whatever values its template is filled with. */
struct redis_arg {
    struct str wire;             /* "$3\r\nSET\r\n" when constant, else n == 0 */
    const struct template *hole; /* otherwise */
};

struct redis_command {
    const char *name; /* in capitals */
    size_t count;     /* arguments, the name included */
    const struct redis_arg *args;
};

struct redis_event {
    bool given;
    size_t count;
    const struct redis_command *commands;
};

struct redis_commands {
    struct redis_event insert, update, delete, snapshot, truncate;
};

struct redis_url {
    bool tls;
    const char *host; /* NULL with a path */
    uint16_t port;
    const char *unix_path; /* or NULL */
    const char *username;  /* or NULL */
    const char *password;  /* or NULL; secret */
    int64_t db;            /* -1: not in the URL */
    const struct config_node *node;
};

struct redis_conf {
    struct redis_url url;
    const char *username;
    const char *password;
    int64_t db;
    struct net_tls tls; /* without `enabled`: the URL says it */
    struct redis_commands commands;
    int64_t timeout_ms;
    int64_t script_commands_max;
    bool aof_rewrite;
};

extern const struct config_key redis_conf_keys[];

/* Across keys: url against username, password, db and tls; at least one command. */
void redis_conf_check(const void *conf, const struct config_node *map, struct config_report *rep);

/* What runs for a change of this kind; count 0: nothing. */
const struct redis_event *redis_conf_event(const struct redis_commands *commands,
                                           enum change_op op);

/* The effective values of url and the keys beside it. */
const char *redis_conf_username(const struct redis_conf *conf);
const char *redis_conf_password(const struct redis_conf *conf);
int64_t redis_conf_db(const struct redis_conf *conf);

#endif
