/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/cql_node.h"

#include "base/limits.h"
#include "cql/segment.h"
#include "cql/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_CHECK = 3, BUF_MAX = 64 * 1024 * 1024 };

enum { TYPE_INT = 0x09, TYPE_UUID = 0x0C, TYPE_TEXT = 0x0D, TYPE_INET = 0x10 };

void fake_cql_check_at(bool ok, const char *text, int line)
{
    if (ok)
        return;
    (void)fprintf(stderr, "fake node: line %d: %s is false\n", line, text);
    _exit(EXIT_CHECK);
}

/* ---- bytes ---- */

void fake_cql_raw(struct fake_cql_peer *p, const void *bytes, size_t n)
{
    const char *at = bytes;

    while (n > 0 && !p->gone) {
        ssize_t sent = send(p->fd, at, n, MSG_NOSIGNAL);

        if (sent <= 0) {
            p->gone = true;
        } else {
            at += sent;
            n -= (size_t)sent;
        }
    }
}

void fake_cql_envelope(struct fake_cql_peer *p, struct buf *b, int stream, uint8_t opcode,
                       struct str body)
{
    buf_u8(b, (uint8_t)(p->version | 0x80));
    buf_u8(b, 0);
    buf_be16(b, (uint16_t)stream);
    buf_u8(b, opcode);
    buf_be32(b, (uint32_t)body.n);
    buf_str(b, body);
}

void fake_cql_send(struct fake_cql_peer *p, int stream, uint8_t opcode, struct str body)
{
    struct buf plain;
    struct buf framed;

    buf_init(&plain, BUF_MAX);
    buf_init(&framed, BUF_MAX);
    fake_cql_envelope(p, &plain, stream, opcode, body);
    if (p->segments)
        cql_segment_put(&framed, buf_view(&plain));
    fake_cql_raw(p, p->segments ? framed.p : plain.p, p->segments ? framed.n : plain.n);
    buf_done(&plain);
    buf_done(&framed);
}

void fake_cql_error(struct fake_cql_peer *p, const struct fake_cql_request *q, uint32_t code,
                    const char *text, struct str more)
{
    struct buf b;

    buf_init(&b, BUF_MAX);
    buf_be32(&b, code);
    cql_wire_put_string(&b, str_from(text));
    buf_str(&b, more);
    fake_cql_send(p, q->stream, CQL_OP_ERROR, buf_view(&b));
    buf_done(&b);
}

void fake_cql_void(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    fake_cql_send(p, q->stream, CQL_OP_RESULT, STR("\0\0\0\1"));
}

static bool receive(struct fake_cql_peer *p)
{
    struct cql_unsegment u = { 0 };
    struct error err;
    size_t taken;
    char *to = buf_reserve(&p->raw, 64 * KIB);
    ssize_t n = to != NULL ? recv(p->fd, to, 64 * KIB, 0) : 0;

    if (n <= 0) {
        p->gone = true;
        return false;
    }
    buf_added(&p->raw, (size_t)n);
    if (!p->segments) {
        buf_str(&p->in, buf_view(&p->raw));
        buf_clear(&p->raw);
        return true;
    }
    fake_cql_check(cql_segment_take(&u, buf_view(&p->raw), &p->in, &taken, &err));
    buf_consume(&p->raw, taken);
    return true;
}

bool fake_cql_take(struct fake_cql_peer *p, struct fake_cql_request *q)
{
    for (;;) {
        uint64_t size = p->in.n >= CQL_WIRE_HEADER ? cql_wire_size(p->in.p) : UINT64_MAX;

        if (p->in.n >= size) {
            struct rd r = rd_make(buf_view(&p->in));

            p->version = rd_u8(&r);
            (void)rd_u8(&r);
            q->stream = rd_be16(&r);
            q->opcode = rd_u8(&r);
            (void)rd_be32(&r);
            buf_done(&q->body);
            buf_init(&q->body, BUF_MAX);
            buf_put(&q->body, r.p, (size_t)size - CQL_WIRE_HEADER);
            buf_consume(&p->in, (size_t)size);
            return true;
        }
        if (!receive(p))
            return false;
    }
}

void fake_cql_request_done(struct fake_cql_request *q)
{
    buf_done(&q->body);
}

/* ---- what a healthy node says ---- */

static void put_bytes(struct buf *b, const void *p, size_t n)
{
    buf_be32(b, (uint32_t)n);
    buf_put(b, p, n);
}

static void put_text(struct buf *b, const char *text)
{
    put_bytes(b, text, strlen(text));
}

static void put_column(struct buf *b, const char *name, int type)
{
    cql_wire_put_string(b, str_from(name));
    buf_be16(b, (uint16_t)type);
}

static void put_rows(struct buf *b, int columns)
{
    buf_be32(b, 2); /* Rows */
    buf_be32(b, 1); /* global keyspace and table */
    buf_be32(b, (uint32_t)columns);
    cql_wire_put_string(b, STR("system"));
    cql_wire_put_string(b, STR("t"));
}

static void put_id(struct buf *b, unsigned char id)
{
    char bytes[16] = { 0 };

    bytes[15] = (char)(id != 0 ? id : 1);
    put_bytes(b, bytes, sizeof bytes);
}

static void put_tokens(struct buf *b, int64_t token)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)token);

    buf_be32(b, (uint32_t)(4 + 4 + n));
    buf_be32(b, 1);
    put_bytes(b, text, (size_t)n);
}

static void put_set_column(struct buf *b, const char *name)
{
    put_column(b, name, 0x22);
    buf_be16(b, TYPE_TEXT);
}

static void answer_local(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    struct buf b;

    buf_init(&b, BUF_MAX);
    put_rows(&b, 7);
    put_column(&b, "cluster_name", TYPE_TEXT);
    put_column(&b, "release_version", TYPE_TEXT);
    put_column(&b, "partitioner", TYPE_TEXT);
    put_column(&b, "host_id", TYPE_UUID);
    put_column(&b, "data_center", TYPE_TEXT);
    put_column(&b, "rack", TYPE_TEXT);
    put_set_column(&b, "tokens");
    buf_be32(&b, 1);
    put_text(&b, "fake");
    put_text(&b, "5.0.5");
    put_text(&b, "org.apache.cassandra.dht.Murmur3Partitioner");
    put_id(&b, p->node->opts.id);
    put_text(&b, "dc1");
    put_text(&b, "r1");
    put_tokens(&b, p->node->opts.token);
    fake_cql_send(p, q->stream, CQL_OP_RESULT, buf_view(&b));
    buf_done(&b);
}

static void answer_peers(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    const struct fake_cql_opts *o = &p->node->opts;
    unsigned char other = o->id == 2 ? 1 : 2;
    struct buf b;

    buf_init(&b, BUF_MAX);
    put_rows(&b, 7);
    put_column(&b, "peer", TYPE_INET);
    put_column(&b, "native_address", TYPE_INET);
    put_column(&b, "native_port", TYPE_INT);
    put_column(&b, "host_id", TYPE_UUID);
    put_column(&b, "data_center", TYPE_TEXT);
    put_column(&b, "rack", TYPE_TEXT);
    put_set_column(&b, "tokens");
    buf_be32(&b, (uint32_t)((o->bad_peers ? 2 : 0) + (o->peer_port != 0 ? 1 : 0)));
    if (o->bad_peers) { /* one of nulls, one without a host_id */
        put_bytes(&b, "\x7f\0\0\x09", 4);
        for (int i = 0; i < 6; i++)
            buf_be32(&b, UINT32_MAX);
        put_bytes(&b, "\x7f\0\0\x09", 4);
        put_bytes(&b, "\x7f\0\0\x09", 4);
        put_bytes(&b, "\0\0\x23\x52", 4);
        buf_be32(&b, UINT32_MAX);
        put_text(&b, "dc1");
        put_text(&b, "r1");
        put_tokens(&b, 7);
    }
    if (o->peer_port != 0) {
        put_bytes(&b, "\x7f\0\0\1", 4);
        put_bytes(&b, "\0\0\0\0", 4); /* unspecified: `peer` counts */
        buf_be32(&b, 4);
        buf_be32(&b, o->peer_port);
        put_id(&b, other);
        put_text(&b, "dc1");
        put_text(&b, "r2");
        put_tokens(&b, INT64_C(1) << 62);
    }
    fake_cql_send(p, q->stream, CQL_OP_RESULT, buf_view(&b));
    buf_done(&b);
}

static void answer_keyspaces(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    static const char factor[] = "replication_factor";
    static const char class[] = "org.apache.cassandra.locator.SimpleStrategy";
    struct buf b;
    struct buf map;

    buf_init(&b, BUF_MAX);
    buf_init(&map, BUF_MAX);
    buf_be32(&map, 2);
    put_text(&map, "class");
    put_text(&map, class);
    put_text(&map, factor);
    put_text(&map, "1");
    put_rows(&b, 1);
    put_column(&b, "replication", 0x21);
    buf_be16(&b, TYPE_TEXT);
    buf_be16(&b, TYPE_TEXT);
    buf_be32(&b, 1);
    put_bytes(&b, map.p, map.n);
    fake_cql_send(p, q->stream, CQL_OP_RESULT, buf_view(&b));
    buf_done(&map);
    buf_done(&b);
}

/* Every statement has the binds (id int, v text) and the key (id). */
static void answer_prepare(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    const char *type = p->bind_type != NULL ? p->bind_type : p->node->opts.bind_type;
    struct buf b;

    p->prepares++;
    buf_init(&b, BUF_MAX);
    buf_be32(&b, 4); /* Prepared */
    cql_wire_put_string(&b, STR("0123456789abcdef"));
    if (p->version >= 5)
        cql_wire_put_string(&b, STR("r"));
    buf_be32(&b, 1);
    buf_be32(&b, 2);
    buf_be32(&b, 1);
    buf_be16(&b, 0);
    cql_wire_put_string(&b, STR("ks"));
    cql_wire_put_string(&b, STR("t"));
    put_column(&b, "id", TYPE_INT);
    put_column(&b, "v", type != NULL && strcmp(type, "int") == 0 ? TYPE_INT : TYPE_TEXT);
    buf_be32(&b, 4); /* result: no metadata */
    buf_be32(&b, 0);
    fake_cql_send(p, q->stream, CQL_OP_RESULT, buf_view(&b));
    buf_done(&b);
}

static bool mentions(const struct fake_cql_request *q, const char *word)
{
    return q->body.n > 0 && memmem(q->body.p, q->body.n, word, strlen(word)) != NULL;
}

static void answer_query(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    if (mentions(q, "system.local"))
        answer_local(p, q);
    else if (mentions(q, "peers_v2") && p->node->opts.old_peers)
        fake_cql_error(p, q, 0x2200, "unconfigured table peers_v2", STR_NONE);
    else if (mentions(q, "system.peers"))
        answer_peers(p, q);
    else if (mentions(q, "system_schema.keyspaces"))
        answer_keyspaces(p, q);
    else
        fake_cql_void(p, q);
}

static void answer_options(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    unsigned best = p->node->opts.version != 0 ? p->node->opts.version : 5;
    struct buf b;

    if (p->version > best) {
        p->version = best;
        fake_cql_error(p, q, 0x000A, "Invalid or unsupported protocol version (5)", STR_NONE);
        p->gone = true;
        return;
    }
    buf_init(&b, BUF_MAX);
    buf_be16(&b, 1);
    cql_wire_put_string(&b, STR("PROTOCOL_VERSIONS"));
    buf_be16(&b, best >= 5 ? 3 : 2);
    cql_wire_put_string(&b, STR("6/v6-beta"));
    cql_wire_put_string(&b, STR("4/v4"));
    if (best >= 5)
        cql_wire_put_string(&b, STR("5/v5"));
    fake_cql_send(p, q->stream, CQL_OP_SUPPORTED, buf_view(&b));
    buf_done(&b);
}

static void answer_startup(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    if (p->node->opts.username == NULL) {
        fake_cql_send(p, q->stream, CQL_OP_READY, STR_NONE);
    } else {
        struct buf b;

        buf_init(&b, BUF_MAX);
        cql_wire_put_string(&b, STR("org.example.AnyAuthenticator"));
        fake_cql_send(p, q->stream, CQL_OP_AUTHENTICATE, buf_view(&b));
        buf_done(&b);
    }
    p->segments = p->version >= 5;
}

static void answer_auth(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    const struct fake_cql_opts *o = &p->node->opts;
    struct buf want;

    buf_init(&want, BUF_MAX);
    buf_be32(&want, (uint32_t)(strlen(o->username) + strlen(o->password) + 2));
    buf_u8(&want, 0);
    buf_text(&want, o->username);
    buf_u8(&want, 0);
    buf_text(&want, o->password);
    if (str_eq(buf_view(&want), buf_view(&q->body)))
        fake_cql_send(p, q->stream, CQL_OP_AUTH_SUCCESS, STR("\xff\xff\xff\xff"));
    else
        fake_cql_error(p, q, 0x0100, "Provided username x and/or password are incorrect", STR_NONE);
    buf_done(&want);
}

static void answer_execute(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    p->executes++;
    if (p->forgetful) {
        p->forgetful = false;
        fake_cql_error(p, q, 0x2500, "Prepared query with ID 30 not found",
                       STR("\0\x10"
                           "0123456789abcdef"));
        return;
    }
    fake_cql_void(p, q);
}

void fake_cql_answer(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    switch (q->opcode) {
    case CQL_OP_OPTIONS:
        answer_options(p, q);
        break;
    case CQL_OP_STARTUP:
        answer_startup(p, q);
        break;
    case CQL_OP_AUTH_RESPONSE:
        answer_auth(p, q);
        break;
    case CQL_OP_REGISTER:
        fake_cql_send(p, q->stream, CQL_OP_READY, STR_NONE);
        break;
    case CQL_OP_QUERY:
        answer_query(p, q);
        break;
    case CQL_OP_PREPARE:
        answer_prepare(p, q);
        break;
    case CQL_OP_EXECUTE:
        answer_execute(p, q);
        break;
    default:
        fake_cql_error(p, q, 0x000A, "unknown opcode", STR_NONE);
        break;
    }
}

bool fake_cql_until(struct fake_cql_peer *p, uint8_t opcode, struct fake_cql_request *q)
{
    while (!p->gone && fake_cql_take(p, q)) {
        if (q->opcode == opcode)
            return true;
        fake_cql_answer(p, q);
    }
    return false;
}

bool fake_cql_once(struct fake_cql_peer *p, uint8_t opcode, struct fake_cql_request *q)
{
    if (p->node->played || !fake_cql_until(p, opcode, q))
        return false;
    p->node->played = true;
    return true;
}

void fake_cql_serve(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    while (!p->gone && fake_cql_take(p, &q))
        fake_cql_answer(p, &q);
    fake_cql_request_done(&q);
}

/* ---- the process ---- */

static _Noreturn void child(struct fake_cql *f)
{
    /* A test that fails leaves without fake_cql_stop. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (unsigned number = 0;; number++) {
        struct fake_cql_peer p = { .node = f, .number = number };

        p.fd = accept(f->listen_fd, NULL, NULL);
        fake_cql_check(p.fd >= 0);
        buf_init(&p.raw, BUF_MAX);
        buf_init(&p.in, BUF_MAX);
        if (f->opts.script != NULL)
            f->opts.script(&p);
        else
            fake_cql_serve(&p);
        buf_done(&p.raw);
        buf_done(&p.in);
        (void)close(p.fd);
    }
}

bool fake_cql_listen(struct fake_cql *f, const struct fake_cql_opts *opts)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;

    *f = (struct fake_cql){ .opts = *opts, .pid = -1 };
    f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (f->listen_fd < 0 || bind(f->listen_fd, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(f->listen_fd, 16) != 0 || getsockname(f->listen_fd, (struct sockaddr *)&at, &n) != 0)
        return false;
    f->port = ntohs(at.sin_port);
    return true;
}

bool fake_cql_run(struct fake_cql *f)
{
    f->pid = fork();
    if (f->pid == 0)
        child(f);
    return f->pid > 0;
}

bool fake_cql_start(struct fake_cql *f, const struct fake_cql_opts *opts)
{
    return fake_cql_listen(f, opts) && fake_cql_run(f);
}

bool fake_cql_stop(struct fake_cql *f)
{
    int status = 0;

    (void)close(f->listen_fd);
    if (f->pid <= 0)
        return true;
    (void)kill(f->pid, SIGTERM);
    while (waitpid(f->pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
}
