/* SPDX-License-Identifier: Apache-2.0 */
/* The whole client against a node that misbehaves on request (tests/fake/cql_node.h). */
#include "cql/session.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/wake.h"
#include "cql/segment.h"
#include "cql/wire.h"
#include "fake/cql_node.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PREPARE = 0x09, EXECUTE = 0x0A, WRITES_MAX = 64, TIMEOUT_MS = 300 };

static const char LATE[] = "\0\3"
                           "t\0\0";

struct client {
    struct cql_session *session;
    struct cql_stmt *stmt;
    struct cql_result results[WRITES_MAX];
    struct error err;
};

static struct cql_opts options(const struct fake_cql *f, char *point, size_t size,
                               const char *const *points)
{
    (void)snprintf(point, size, "127.0.0.1:%u", f->port);
    return (struct cql_opts){ .contact_points = points,
                              .contact_point_count = 1,
                              .keyspace = "ks",
                              .request_timeout_ms = 5000,
                              .stop_fd = -1 };
}

static bool client_open(struct client *c, const struct fake_cql *f, int timeout_ms)
{
    char point[32];
    const char *points[] = { point };
    struct cql_opts o = options(f, point, sizeof point, points);

    *c = (struct client){ 0 };
    o.request_timeout_ms = timeout_ms;
    return cql_session_open(&o, &c->session, &c->err) &&
           cql_session_prepare(c->session, STR("INSERT INTO ks.t (id, v) VALUES (?, ?)"), &c->stmt,
                               &c->err);
}

/* Writes ids 0 .. count-1. */
static bool client_write(struct client *c, uint32_t count)
{
    struct cql_request requests[WRITES_MAX];
    struct str values[WRITES_MAX][2];
    uint32_t ids[WRITES_MAX];

    for (uint32_t i = 0; i < count; i++) {
        ids[i] = __builtin_bswap32(i);
        values[i][0] = str_make(&ids[i], sizeof ids[i]);
        values[i][1] = STR("x");
        requests[i] = (struct cql_request){ c->stmt, values[i], 1000 + (int64_t)i };
    }
    c->err = (struct error){ 0 };
    return cql_session_write(c->session, requests, count, c->results, &c->err);
}

static void begin(struct fake_cql *f, struct client *c, fake_cql_script *script)
{
    assert_true(fake_cql_start(f, &(struct fake_cql_opts){ .script = script }));
    assert_true(client_open(c, f, 5000));
}

static void finish(struct fake_cql *f, struct client *c)
{
    cql_session_close(c->session);
    assert_true(fake_cql_stop(f));
}

/* One write against a script, which is to fail as said; the next one is to pass. */
static void expect(fake_cql_script *script, unsigned version, enum error_kind kind,
                   const char *code)
{
    struct fake_cql f;
    struct client c;

    assert_true(
        fake_cql_start(&f, &(struct fake_cql_opts){ .script = script, .version = version }));
    assert_true(client_open(&c, &f, TIMEOUT_MS));
    assert_false(client_write(&c, 1));
    assert_int_equal(c.err.kind, kind);
    assert_string_equal(c.err.code, code);
    if (kind == ERR_RETRY) {
        if (!client_write(&c, 3))
            fail_msg("%s %s", c.err.code, c.err.msg);
    }
    finish(&f, &c);
}

static void execute_id(const struct fake_cql_request *q, uint32_t *ret_id)
{
    /* id [short bytes] 2+16, result id 2+1, consistency 2, flags 4, count 2, length 4 */
    struct rd r = rd_make(buf_view(&q->body));

    (void)rd_bytes(&r, 2 + 16 + 2 + 1 + 2 + 4 + 2 + 4);
    *ret_id = rd_be32(&r);
    fake_cql_check(rd_ok(&r));
}

/* ---- the start ---- */

static void healthy_node_takes_writes_in(unsigned version)
{
    struct fake_cql f;
    struct client c;
    struct cql_info info;
    size_t n;

    assert_true(fake_cql_start(&f, &(struct fake_cql_opts){ .version = version }));
    assert_true(client_open(&c, &f, 5000));
    cql_session_info(c.session, &info);
    assert_int_equal(info.protocol_version, version);
    assert_string_equal(info.local_dc, "dc1");
    assert_string_equal(cql_stmt_binds(c.stmt, &n)[1].name, "v");
    assert_int_equal(n, 2);
    assert_int_equal(cql_stmt_key(c.stmt, &n)[0], 0);
    assert_int_equal(n, 1);
    assert_true(client_write(&c, WRITES_MAX));
    for (size_t i = 0; i < WRITES_MAX; i++)
        assert_false(c.results[i].rejected);
    finish(&f, &c);
}

static void version_5_is_preferred(void **state)
{
    (void)state;
    healthy_node_takes_writes_in(5);
}

static void node_without_version_5_is_spoken_to_in_version_4(void **state)
{
    (void)state;
    healthy_node_takes_writes_in(4);
}

static void log_in(const char *username, const char *password, enum error_kind kind,
                   const char *code)
{
    char point[32];
    const char *points[] = { point };
    struct fake_cql f;
    struct cql_session *s = NULL;
    struct error err = { 0 };
    struct cql_opts o;

    assert_true(fake_cql_start(
        &f, &(struct fake_cql_opts){ .username = "cassandra", .password = "right" }));
    o = options(&f, point, sizeof point, points);
    o.username = username;
    o.password = password;
    assert_int_equal(cql_session_open(&o, &s, &err), kind == ERR_NONE);
    assert_int_equal(err.kind, kind);
    assert_string_equal(err.code, code);
    cql_session_close(s);
    assert_true(fake_cql_stop(&f));
}

static void right_password_is_let_in(void **state)
{
    (void)state;
    log_in("cassandra", "right", ERR_NONE, "");
}

static void wrong_password_stops(void **state)
{
    (void)state;
    log_in("cassandra", "wrong", ERR_STOP, "E0604");
}

static void missing_password_stops_with_a_code_of_its_own(void **state)
{
    (void)state;
    log_in(NULL, NULL, ERR_STOP, "E0605");
}

static void unknown_local_dc_stops(void **state)
{
    char point[32];
    const char *points[] = { point };
    struct fake_cql f;
    struct cql_session *s;
    struct error err = { 0 };
    struct cql_opts o;

    (void)state;
    assert_true(fake_cql_start(&f, &(struct fake_cql_opts){ 0 }));
    o = options(&f, point, sizeof point, points);
    o.local_dc = "DC1";
    assert_false(cql_session_open(&o, &s, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0606");
    assert_non_null(strstr(err.msg, "\"dc1\"")); /* names what there is */
    assert_true(fake_cql_stop(&f));
}

static void wanted_version_that_is_not_offered_stops(void **state)
{
    char point[32];
    const char *points[] = { point };
    struct fake_cql f;
    struct cql_session *s;
    struct error err = { 0 };
    struct cql_opts o;

    (void)state;
    assert_true(fake_cql_start(&f, &(struct fake_cql_opts){ .version = 4 }));
    o = options(&f, point, sizeof point, points);
    o.protocol_version = 5;
    assert_false(cql_session_open(&o, &s, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_string_equal(err.code, "E0603");
    assert_true(fake_cql_stop(&f));
}

static void speak_http(struct fake_cql_peer *p)
{
    static const char text[] = "HTTP/1.1 400 Bad Request\r\n\r\n";

    fake_cql_raw(p, text, sizeof text - 1);
}

static void other_protocol_behind_the_port_is_said(void **state)
{
    struct fake_cql f;
    struct client c;

    (void)state;
    assert_true(fake_cql_start(&f, &(struct fake_cql_opts){ .script = speak_http }));
    assert_false(client_open(&c, &f, 5000));
    assert_int_equal(c.err.kind, ERR_RETRY);
    assert_non_null(strstr(c.err.msg, "not Cassandra's native protocol"));
    assert_true(fake_cql_stop(&f));
}

static void nobody_listening_is_retried(void **state)
{
    struct fake_cql f;
    struct client c;

    (void)state;
    assert_true(fake_cql_listen(&f, &(struct fake_cql_opts){ 0 }));
    assert_true(fake_cql_stop(&f));
    assert_false(client_open(&c, &f, 5000));
    assert_int_equal(c.err.kind, ERR_RETRY);
    assert_string_equal(c.err.code, "E0601");
}

/* ---- peers ---- */

static size_t hosts_with(const struct fake_cql_opts *opts)
{
    struct fake_cql f;
    struct client c;
    struct cql_info info;

    assert_true(fake_cql_start(&f, opts));
    assert_true(client_open(&c, &f, 5000));
    cql_session_info(c.session, &info);
    finish(&f, &c);
    return info.host_count;
}

static void peers_rows_with_nulls_are_skipped(void **state)
{
    (void)state;
    assert_int_equal(hosts_with(&(struct fake_cql_opts){ .bad_peers = true }), 1);
}

static void node_without_peers_v2_is_asked_for_peers(void **state)
{
    (void)state;
    assert_int_equal(hosts_with(&(struct fake_cql_opts){ .old_peers = true, .peer_port = 1 }), 2);
}

/* ---- errors of single writes ---- */

static void refuse_second(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    while (fake_cql_until(p, EXECUTE, &q)) {
        uint32_t id;

        execute_id(&q, &id);
        if (id == 1)
            fake_cql_error(p, &q, 0x2200, "Key may not be empty", STR_NONE);
        else
            fake_cql_answer(p, &q);
    }
    fake_cql_request_done(&q);
}

static void invalid_write_is_rejected_alone(void **state)
{
    struct fake_cql f;
    struct client c;

    (void)state;
    begin(&f, &c, refuse_second);
    assert_true(client_write(&c, 3));
    assert_false(c.results[0].rejected);
    assert_true(c.results[1].rejected);
    assert_int_equal(c.results[1].code, E_CQL_REJECTED);
    assert_non_null(strstr(c.results[1].reason, "Key may not be empty"));
    assert_false(c.results[2].rejected);
    finish(&f, &c);
}

static void answer_in_reverse(struct fake_cql_peer *p)
{
    struct fake_cql_request q[3] = { { 0 } };

    for (int i = 0; i < 3; i++)
        fake_cql_check(fake_cql_until(p, EXECUTE, &q[i]));
    for (int i = 2; i >= 0; i--) {
        uint32_t id;

        execute_id(&q[i], &id);
        if (id == 1)
            fake_cql_error(p, &q[i], 0x2200, "no", STR_NONE);
        else
            fake_cql_void(p, &q[i]);
        fake_cql_request_done(&q[i]);
    }
    fake_cql_serve(p);
}

static void answers_out_of_order_find_their_requests(void **state)
{
    struct fake_cql f;
    struct client c;

    (void)state;
    begin(&f, &c, answer_in_reverse);
    assert_true(client_write(&c, 3));
    assert_false(c.results[0].rejected);
    assert_true(c.results[1].rejected);
    assert_false(c.results[2].rejected);
    finish(&f, &c);
}

struct refusal {
    uint32_t code;
    const char *text;
    struct str more;
    const char *page;
};

/* The node is a process of its own, and gets a copy. */
static const struct refusal *refusal;

/* Answers the first EXECUTE with an error, everything else well. */
static void refuse_once(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    if (fake_cql_once(p, EXECUTE, &q))
        fake_cql_error(p, &q, refusal->code, refusal->text, refusal->more);
    fake_cql_request_done(&q);
    fake_cql_serve(p);
}

static void transient_errors_fail_the_call_and_the_next_one_passes(void **state)
{
    static const char failed[] = "\0\6\0\0\0\0\0\0\0\1\0\0\0\1\4\x7f\0\0\1\0\0\0\6SIMPLE";
    const struct refusal refusals[] = {
        { 0x0000, "java.lang.NullPointerException", STR_NONE, "E0618" },
        { 0x000A, "Invalid message", STR_NONE, "E0602" },
        { 0x1000, "Cannot achieve LOCAL_QUORUM", STR("\0\6\0\0\0\2\0\0\0\1"), "E0615" },
        { 0x1001, "busy", STR_NONE, "E0616" },
        { 0x1002, "Cannot read from a bootstrapping node", STR_NONE, "E0616" },
        { 0x1100, "Operation timed out", STR("\0\6\0\0\0\1\0\0\0\2\0\6SIMPLE"), "E0614" },
        { 0x1500, "Operation failed", { failed, sizeof failed - 1 }, "E0613" },
        { 0x1600, "CDC space is full", STR_NONE, "E0621" },
        { 0x7777, "what is this", STR_NONE, "E0618" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        refusal = &refusals[i];
        expect(refuse_once, 5, ERR_RETRY, refusal->page);
    }
}

static void errors_for_a_person_stop(void **state)
{
    const struct refusal refusals[] = {
        { 0x2100, "User x has no MODIFY permission", STR_NONE, "E0611" },
        { 0x2200, "unconfigured table t", STR_NONE, "E0608" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        refusal = &refusals[i];
        expect(refuse_once, 5, ERR_STOP, refusal->page);
    }
}

static void fail_second(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    while (fake_cql_until(p, EXECUTE, &q)) {
        uint32_t id;

        execute_id(&q, &id);
        if (id == 1)
            fake_cql_error(p, &q, 0x1500, "Operation failed",
                           STR("\0\6\0\0\0\0\0\0\0\1\0\0\0\0\0\6SIMPLE"));
        else
            fake_cql_answer(p, &q);
    }
    fake_cql_request_done(&q);
}

static void write_failing_on_and_on_while_others_pass_is_rejected(void **state)
{
    struct fake_cql f;
    struct client c;
    int calls = 1;

    (void)state;
    begin(&f, &c, fail_second);
    while (!client_write(&c, 3)) {
        assert_int_equal(c.err.kind, ERR_RETRY);
        assert_string_equal(c.err.code, "E0613");
        assert_true(++calls < 20);
    }
    assert_true(calls > 5);
    assert_true(c.results[1].rejected);
    assert_int_equal(c.results[1].code, E_CQL_WRITE_FAILURE);
    assert_false(c.results[2].rejected);
    finish(&f, &c);
}

/* ---- prepared statements ---- */

static void forget_statement(struct fake_cql_peer *p)
{
    p->forgetful = true;
    fake_cql_serve(p);
    fake_cql_check(p->prepares == 2);
    fake_cql_check(p->executes > 3); /* one came back and was sent again */
}

static void forgotten_statement_is_prepared_again(void **state)
{
    struct fake_cql f;
    struct client c;

    (void)state;
    begin(&f, &c, forget_statement);
    if (!client_write(&c, 3))
        fail_msg("%s", c.err.msg);
    assert_false(c.results[0].rejected);
    finish(&f, &c);
}

static void change_statement(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    fake_cql_check(fake_cql_until(p, EXECUTE, &q));
    p->forgetful = true;
    p->bind_type = "int";
    fake_cql_answer(p, &q);
    fake_cql_request_done(&q);
    fake_cql_serve(p);
}

static void statement_described_otherwise_than_before_stops(void **state)
{
    struct fake_cql f;
    struct client c;

    (void)state;
    begin(&f, &c, change_statement);
    assert_false(client_write(&c, 3));
    assert_int_equal(c.err.kind, ERR_STOP);
    assert_string_equal(c.err.code, "E0610");
    assert_non_null(strstr(c.err.msg, "column \"v\" was text and is now int"));
    finish(&f, &c);
}

/* ---- bytes that go wrong ---- */

static void answer_late(struct fake_cql_peer *p)
{
    struct fake_cql_request first = { 0 };
    struct fake_cql_request q = { 0 };

    if (fake_cql_once(p, EXECUTE, &first)) {
        (void)poll(NULL, 0, TIMEOUT_MS / 2);
        fake_cql_send(p, -1, 0x0C, str_make(LATE, sizeof LATE - 1)); /* the line is alive */
        if (fake_cql_until(p, EXECUTE, &q)) {
            fake_cql_check(q.stream != first.stream);
            fake_cql_error(p, &first, 0x2200, "late", STR_NONE);
            fake_cql_answer(p, &q);
        }
    }
    fake_cql_request_done(&first);
    fake_cql_request_done(&q);
    fake_cql_serve(p);
}

static void late_answer_is_not_taken_for_another(void **state)
{
    struct fake_cql f;
    struct client c;

    (void)state;
    assert_true(fake_cql_start(&f, &(struct fake_cql_opts){ .script = answer_late }));
    assert_true(client_open(&c, &f, TIMEOUT_MS));
    assert_false(client_write(&c, 1));
    assert_string_equal(c.err.code, "E0617");
    assert_true(client_write(&c, 3));
    for (int i = 0; i < 3; i++)
        assert_false(c.results[i].rejected);
    finish(&f, &c);
}

static void answer_on_wrong_stream(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    if (fake_cql_once(p, EXECUTE, &q)) {
        q.stream = (uint16_t)(q.stream + 7);
        fake_cql_void(p, &q);
    }
    fake_cql_request_done(&q);
    fake_cql_serve(p);
}

static void break_crc(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    if (fake_cql_once(p, EXECUTE, &q)) {
        struct buf plain;
        struct buf framed;

        buf_init(&plain, KIB);
        buf_init(&framed, KIB);
        fake_cql_envelope(p, &plain, q.stream, 0x08, STR("\0\0\0\1"));
        cql_segment_put(&framed, buf_view(&plain));
        framed.p[framed.n - 1] ^= 1;
        fake_cql_raw(p, framed.p, framed.n);
        buf_done(&plain);
        buf_done(&framed);
    }
    fake_cql_request_done(&q);
    fake_cql_serve(p);
}

static void close_in_the_middle(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    if (fake_cql_once(p, EXECUTE, &q)) {
        fake_cql_raw(p, "\x84\0\0", 3);
        fake_cql_request_done(&q);
        return;
    }
    fake_cql_request_done(&q);
    fake_cql_serve(p);
}

static void say_nothing(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    if (fake_cql_once(p, EXECUTE, &q)) {
        while (fake_cql_take(p, &q)) /* until the client closes */
            ;
    }
    fake_cql_request_done(&q);
    fake_cql_serve(p);
}

static void announce_too_much(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    if (fake_cql_once(p, EXECUTE, &q))
        fake_cql_raw(p, "\x84\0\0\0\x08\x7f\xff\xff\xff", 9);
    fake_cql_request_done(&q);
    fake_cql_serve(p);
}

static void broken_connections_are_replaced_by_the_next_call(void **state)
{
    (void)state;
    expect(answer_on_wrong_stream, 5, ERR_RETRY, "E0602");
    expect(break_crc, 5, ERR_RETRY, "E0602");
    expect(announce_too_much, 4, ERR_RETRY, "E0602");
    expect(say_nothing, 5, ERR_RETRY, "E0617");
}

static void connection_closed_in_the_middle_of_an_answer_is_replaced(void **state)
{
    struct fake_cql f;
    struct client c;

    (void)state;
    assert_true(
        fake_cql_start(&f, &(struct fake_cql_opts){ .script = close_in_the_middle, .version = 4 }));
    assert_true(client_open(&c, &f, 5000));
    assert_false(client_write(&c, 5));
    assert_int_equal(c.err.kind, ERR_RETRY);
    assert_true(client_write(&c, 5));
    finish(&f, &c);
}

static void slice_and_dribble(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };
    struct buf body;
    struct buf plain;
    struct buf framed;

    buf_init(&body, MIB);
    buf_init(&plain, MIB);
    buf_init(&framed, MIB);
    fake_cql_check(fake_cql_until(p, EXECUTE, &q));
    buf_be32(&body, 1); /* Void, and 300,000 bytes behind it that are to be ignored */
    for (int i = 0; i < 300000; i++)
        buf_u8(&body, 'x');
    fake_cql_envelope(p, &plain, q.stream, 0x08, buf_view(&body));
    cql_segment_put(&framed, buf_view(&plain));
    for (size_t at = 0; at < framed.n;) {
        size_t n = at < 40 ? 1 : 7001;

        n = n < framed.n - at ? n : framed.n - at;
        fake_cql_raw(p, framed.p + at, n);
        at += n;
    }
    buf_done(&body);
    buf_done(&plain);
    buf_done(&framed);
    fake_cql_request_done(&q);
    fake_cql_serve(p);
}

static void sliced_answer_in_small_pieces_is_put_together(void **state)
{
    struct fake_cql f;
    struct client c;

    (void)state;
    begin(&f, &c, slice_and_dribble);
    if (!client_write(&c, 3))
        fail_msg("%s", c.err.msg);
    finish(&f, &c);
}

static void stop_ends_a_write_that_waits(void **state)
{
    char point[32];
    const char *points[] = { point };
    struct fake_cql f;
    struct client c = { 0 };
    struct cql_opts o;
    struct wake stop;

    (void)state;
    assert_true(wake_init(&stop, &c.err));
    assert_true(fake_cql_start(&f, &(struct fake_cql_opts){ .script = say_nothing }));
    o = options(&f, point, sizeof point, points);
    o.stop_fd = stop.fd;
    assert_true(cql_session_open(&o, &c.session, &c.err));
    assert_true(cql_session_prepare(c.session, STR("INSERT"), &c.stmt, &c.err));
    wake_set(&stop);
    assert_false(client_write(&c, 3));
    assert_int_equal(c.err.kind, ERR_CANCEL);
    finish(&f, &c);
    wake_done(&stop);
}

/* ---- what is refused before a row is written ---- */

static void know_no_keyspace(struct fake_cql_peer *p)
{
    /* Rows, one table for all columns, one column, of ks.t: replication text; no row. */
    static const char none[] = "\0\0\0\2\0\0\0\1\0\0\0\1\0\2ks\0\1t\0\13replication\0\15\0\0\0\0";
    static const char asked[] = "system_schema.keyspaces";
    struct fake_cql_request q = { 0 };

    while (fake_cql_take(p, &q)) {
        if (memmem(q.body.p, q.body.n, asked, sizeof asked - 1) != NULL)
            fake_cql_send(p, q.stream, 0x08, str_make(none, sizeof none - 1));
        else
            fake_cql_answer(p, &q);
    }
    fake_cql_request_done(&q);
}

static void missing_keyspace_stops_and_is_named(void **state)
{
    char point[32];
    const char *points[] = { point };
    struct fake_cql f;
    struct cql_session *s = NULL;
    struct cql_table *table = NULL;
    struct error err = { 0 };
    struct cql_opts o;

    (void)state;
    assert_true(fake_cql_start(&f, &(struct fake_cql_opts){ .script = know_no_keyspace }));
    o = options(&f, point, sizeof point, points);
    assert_false(cql_session_open(&o, &s, &err) && cql_session_table(s, "ks", "t", &table, &err));
    assert_int_equal(err.kind, ERR_STOP);
    assert_true(error_is(&err, E_CQL_NO_KEYSPACE));
    assert_non_null(strstr(err.msg, "\"ks\""));
    cql_session_close(s);
    assert_true(fake_cql_stop(&f));
}

static void refuse_to_prepare(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    while (fake_cql_until(p, PREPARE, &q))
        fake_cql_error(p, &q, 0x2000, "line 1:7 no viable alternative", STR_NONE);
    fake_cql_request_done(&q);
}

static void refused_statement_stops_and_is_shown(void **state)
{
    struct fake_cql f;
    struct client c;

    (void)state;
    assert_true(fake_cql_start(&f, &(struct fake_cql_opts){ .script = refuse_to_prepare }));
    assert_false(client_open(&c, &f, 5000));
    assert_int_equal(c.err.kind, ERR_STOP);
    assert_true(error_is(&c.err, E_CQL_STATEMENT));
    assert_non_null(strstr(c.err.msg, "no viable alternative"));
    assert_non_null(strstr(c.err.msg, "INSERT INTO ks.t"));
    finish(&f, &c);
}

static void record_above_the_limit_is_rejected_alone(void **state)
{
    size_t n = LIMIT_CQL_REQUEST;
    char *text = mem_zalloc(n, 1); /* pages that nobody touches */
    const uint32_t id = 0;
    const struct str small[2] = { str_make(&id, sizeof id), STR("x") };
    const struct str large[2] = { str_make(&id, sizeof id), str_make(text, n) };
    struct cql_request requests[2];
    struct fake_cql f;
    struct client c;

    (void)state;
    begin(&f, &c, NULL);
    requests[0] = (struct cql_request){ c.stmt, large, 1 };
    requests[1] = (struct cql_request){ c.stmt, small, 2 };
    assert_true(cql_session_write(c.session, requests, 2, c.results, &c.err));
    assert_true(c.results[0].rejected);
    assert_int_equal(c.results[0].code, E_CQL_TOO_BIG);
    assert_false(c.results[1].rejected);
    finish(&f, &c);
    free(text);
}

/* ---- two nodes ---- */

static void always_overloaded(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    while (fake_cql_until(p, EXECUTE, &q))
        fake_cql_error(p, &q, 0x1001, "busy", STR_NONE);
    fake_cql_request_done(&q);
}

static void write_refused_by_one_node_goes_to_the_other(void **state)
{
    struct fake_cql a;
    struct fake_cql b;
    struct client c;
    struct cql_info info;

    (void)state;
    assert_true(fake_cql_listen(&a, &(struct fake_cql_opts){ .script = always_overloaded }));
    assert_true(fake_cql_listen(
        &b, &(struct fake_cql_opts){ .id = 2, .peer_port = a.port, .token = INT64_C(1) << 62 }));
    a.opts.peer_port = b.port;
    assert_true(fake_cql_run(&a));
    assert_true(fake_cql_run(&b));
    assert_true(client_open(&c, &a, 5000));
    if (!client_write(&c, 40))
        fail_msg("%s", c.err.msg);
    cql_session_info(c.session, &info);
    assert_int_equal(info.host_count, 2);
    assert_int_equal(info.connected_count, 2);
    cql_session_close(c.session);
    assert_true(fake_cql_stop(&a));
    assert_true(fake_cql_stop(&b));
}

static void drop_everything(struct fake_cql_peer *p)
{
    struct fake_cql_request q = { 0 };

    (void)fake_cql_until(p, EXECUTE, &q);
    fake_cql_request_done(&q);
}

static void writes_of_a_node_that_dies_go_to_the_other(void **state)
{
    struct fake_cql a;
    struct fake_cql b;
    struct client c;

    (void)state;
    assert_true(fake_cql_listen(&a, &(struct fake_cql_opts){ .script = drop_everything }));
    assert_true(fake_cql_listen(
        &b, &(struct fake_cql_opts){ .id = 2, .peer_port = a.port, .token = INT64_C(1) << 62 }));
    a.opts.peer_port = b.port;
    assert_true(fake_cql_run(&a));
    assert_true(fake_cql_run(&b));
    assert_true(client_open(&c, &a, 5000));
    if (!client_write(&c, 40))
        fail_msg("%s", c.err.msg);
    cql_session_close(c.session);
    assert_true(fake_cql_stop(&a));
    assert_true(fake_cql_stop(&b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_5_is_preferred),
        cmocka_unit_test(node_without_version_5_is_spoken_to_in_version_4),
        cmocka_unit_test(right_password_is_let_in),
        cmocka_unit_test(wrong_password_stops),
        cmocka_unit_test(missing_password_stops_with_a_code_of_its_own),
        cmocka_unit_test(unknown_local_dc_stops),
        cmocka_unit_test(wanted_version_that_is_not_offered_stops),
        cmocka_unit_test(other_protocol_behind_the_port_is_said),
        cmocka_unit_test(nobody_listening_is_retried),
        cmocka_unit_test(peers_rows_with_nulls_are_skipped),
        cmocka_unit_test(node_without_peers_v2_is_asked_for_peers),
        cmocka_unit_test(invalid_write_is_rejected_alone),
        cmocka_unit_test(answers_out_of_order_find_their_requests),
        cmocka_unit_test(transient_errors_fail_the_call_and_the_next_one_passes),
        cmocka_unit_test(errors_for_a_person_stop),
        cmocka_unit_test(write_failing_on_and_on_while_others_pass_is_rejected),
        cmocka_unit_test(forgotten_statement_is_prepared_again),
        cmocka_unit_test(statement_described_otherwise_than_before_stops),
        cmocka_unit_test(late_answer_is_not_taken_for_another),
        cmocka_unit_test(broken_connections_are_replaced_by_the_next_call),
        cmocka_unit_test(connection_closed_in_the_middle_of_an_answer_is_replaced),
        cmocka_unit_test(sliced_answer_in_small_pieces_is_put_together),
        cmocka_unit_test(stop_ends_a_write_that_waits),
        cmocka_unit_test(missing_keyspace_stops_and_is_named),
        cmocka_unit_test(refused_statement_stops_and_is_shown),
        cmocka_unit_test(record_above_the_limit_is_rejected_alone),
        cmocka_unit_test(write_refused_by_one_node_goes_to_the_other),
        cmocka_unit_test(writes_of_a_node_that_dies_go_to_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
