/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_CQL_NODE_H
#define FAKE_CQL_NODE_H

/*
 * A Cassandra node that does what a test says: a process of its own that speaks just enough of the native
 * protocol to let a client start, and then misbehaves on request. A script is a function that is called for
 * each connection, one after the other, in the child; it reads requests and answers them in plain C.
 *
 *     static void script(struct fake_cql_peer *p)
 *     {
 *         struct fake_cql_request q;
 *         fake_cql_until(p, 0x0A, &q);             -- answers all up to the first EXECUTE
 *         fake_cql_error(p, &q, 0x1001, "busy", STR_NONE);
 *         fake_cql_serve(p);                       -- answers everything until the client leaves
 *     }
 *     fake_cql_start(&node, &(struct fake_cql_opts){ .script = script });  ...  fake_cql_stop(&node);
 *
 * fake_cql_check in a script that fails ends the child, and fake_cql_stop then returns false.
 */

#include "base/buf.h"
#include "base/str.h"

#include <stdint.h>
#include <sys/types.h>

struct fake_cql_peer;
typedef void fake_cql_script(struct fake_cql_peer *p);

struct fake_cql_opts {
    fake_cql_script *script; /* NULL: fake_cql_serve */
    unsigned version;        /* the highest it speaks; 0: 5 */
    const char *username;    /* NULL: no password is asked for */
    const char *password;
    unsigned char id;      /* last byte of its host_id; 0: 1 */
    uint16_t peer_port;    /* of another node on 127.0.0.1, with host_id 2; 0: alone */
    bool bad_peers;        /* peers rows with nulls as well */
    bool old_peers;        /* there is no peers_v2 */
    const char *bind_type; /* how the second bind of a statement is described; NULL: "text" */
    int64_t token;         /* its place in the ring */
};

struct fake_cql {
    struct fake_cql_opts opts;
    int listen_fd;
    uint16_t port; /* 127.0.0.1 */
    pid_t pid;
    bool played; /* for scripts that misbehave once */
};

struct fake_cql_peer {
    struct fake_cql *node;
    unsigned number; /* of the connection, from 0 */
    int fd;
    unsigned version;
    bool segments;
    bool gone;      /* the client closed */
    bool forgetful; /* the next EXECUTE is answered UNPREPARED */
    struct buf raw;
    struct buf in;
    unsigned executes;
    unsigned prepares;
    const char *bind_type;
};

struct fake_cql_request {
    uint16_t stream;
    uint8_t opcode;
    struct buf body; /* owned; fake_cql_request_done */
};

bool fake_cql_listen(struct fake_cql *f, const struct fake_cql_opts *opts); /* port is known */
bool fake_cql_run(struct fake_cql *f);                                      /* forks */
bool fake_cql_start(struct fake_cql *f, const struct fake_cql_opts *opts);  /* both */
/* Ends the child; false when a check of its script failed. */
bool fake_cql_stop(struct fake_cql *f);

/* ---- for scripts ---- */

#define fake_cql_check(condition) fake_cql_check_at(condition, #condition, __LINE__)
void fake_cql_check_at(bool ok, const char *text, int line);

/* The next request; false: the client is gone. q is initialised once with { 0 }. */
bool fake_cql_take(struct fake_cql_peer *p, struct fake_cql_request *q);
void fake_cql_request_done(struct fake_cql_request *q);
/* Answers a request as a healthy node does. */
void fake_cql_answer(struct fake_cql_peer *p, const struct fake_cql_request *q);
/* Answers all requests up to the first with that opcode, which it gives. */
bool fake_cql_until(struct fake_cql_peer *p, uint8_t opcode, struct fake_cql_request *q);
/* The same once in the node's life, over all connections; false afterwards. */
bool fake_cql_once(struct fake_cql_peer *p, uint8_t opcode, struct fake_cql_request *q);
void fake_cql_serve(struct fake_cql_peer *p);

void fake_cql_send(struct fake_cql_peer *p, int stream, uint8_t opcode, struct str body);
/* `more` is what follows the text for that code. */
void fake_cql_error(struct fake_cql_peer *p, const struct fake_cql_request *q, uint32_t code,
                    const char *text, struct str more);
/* One envelope's bytes, for scripts that frame by themselves. */
void fake_cql_envelope(struct fake_cql_peer *p, struct buf *b, int stream, uint8_t opcode,
                       struct str body);
void fake_cql_raw(struct fake_cql_peer *p, const void *bytes, size_t n);
void fake_cql_void(struct fake_cql_peer *p, const struct fake_cql_request *q);

#endif
