/* SPDX-License-Identifier: Apache-2.0 */
/* The sink as the deliver loop drives it, against a node that misbehaves on request. Its one table is
 * ks.t (id int primary key, v text). */
#include "base/limits.h"
#include "cql/wire.h"
#include "fake/cql_node.h"
#include "model/pgtype.h"
#include "sink/cassandra_conf.h"
#include "sink/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

extern const struct sink_ops sink_cassandra_ops;

enum { RESULT = 0x08, TYPE_INT = 0x09, TYPE_TEXT = 0x0D, CHANGES = 4 };

/* ---- the node ---- */

static void put_cell(struct buf *b, struct str value)
{
    buf_be32(b, (uint32_t)value.n);
    buf_str(b, value);
}

static void put_column_row(struct buf *b, const char *name, const char *kind, uint32_t position,
                           const char *type)
{
    put_cell(b, str_from(name));
    put_cell(b, str_from(kind));
    buf_be32(b, 4);
    buf_be32(b, position);
    put_cell(b, str_from(type));
}

static void answer_columns(struct fake_cql_peer *p, const struct fake_cql_request *q)
{
    static const struct {
        const char *name;
        uint16_t type;
    } columns[] = { { "column_name", TYPE_TEXT },
                    { "kind", TYPE_TEXT },
                    { "position", TYPE_INT },
                    { "type", TYPE_TEXT } };
    struct buf b;

    buf_init(&b, MIB);
    buf_be32(&b, 2); /* Rows */
    buf_be32(&b, 1); /* one keyspace and table for all columns */
    buf_be32(&b, 4);
    cql_wire_put_string(&b, STR("system_schema"));
    cql_wire_put_string(&b, STR("columns"));
    for (size_t i = 0; i < 4; i++) {
        cql_wire_put_string(&b, str_from(columns[i].name));
        buf_be16(&b, columns[i].type);
    }
    buf_be32(&b, 2);
    put_column_row(&b, "id", "partition_key", 0, "int");
    put_column_row(&b, "v", "regular", UINT32_MAX, "text");
    fake_cql_send(p, q->stream, RESULT, buf_view(&b));
    buf_done(&b);
}

/* Refuses the EXECUTE that mentions "bad", as a server does with an invalid value. */
static void serve_table(struct fake_cql_peer *p)
{
    static const char select[] = "system_schema.columns";
    struct fake_cql_request q = { 0 };

    while (fake_cql_take(p, &q)) {
        if (q.body.n > 0 && memmem(q.body.p, q.body.n, select, sizeof select - 1) != NULL)
            answer_columns(p, &q);
        else if (q.opcode == CQL_OP_EXECUTE && memmem(q.body.p, q.body.n, "bad", 3) != NULL)
            fake_cql_error(p, &q, 0x2200, "value is bad", STR_NONE);
        else
            fake_cql_answer(p, &q);
    }
    fake_cql_request_done(&q);
}

/* ---- the loop ---- */

struct loop {
    struct fake_cql node;
    char point[32];
    const char *points[1];
    struct sink_cassandra_conf conf;
    struct sink *sink;
    struct column columns[2];
    struct relation rel;
    struct arena arena;
    struct value values[CHANGES][2];
    struct change changes[CHANGES];
    size_t count;
    struct sink_result res;
    struct error err;
};

static void loop_open(struct loop *l)
{
    struct fake_cql_opts opts = { .script = serve_table };
    struct sink_env env = { .name = "c", .stop_fd = -1, .clock = &clock_system };

    *l = (struct loop){ 0 };
    arena_init(&l->arena, 16 * MIB);
    assert_true(fake_cql_start(&l->node, &opts));
    (void)snprintf(l->point, sizeof l->point, "127.0.0.1:%u", l->node.port);
    l->points[0] = l->point;
    l->conf.contact_points = (struct config_strings){ .count = 1, .items = l->points };
    l->conf.table = (struct sink_cassandra_table){ "ks", "t" };
    l->conf.on_delete =
        SINK_CASSANDRA_DELETE_IGNORE; /* the node describes one kind of statement only */
    l->conf.request_timeout_ms = 5000;
    l->conf.connect_timeout_ms = 5000;
    l->columns[0] = (struct column){ .name = STR("id"),
                                     .type_oid = PG_INT4,
                                     .typmod = -1,
                                     .type_kind = 'b',
                                     .type_name = STR("integer"),
                                     .primary_key = true,
                                     .identity = true };
    l->columns[1] = (struct column){ .name = STR("v"),
                                     .type_oid = PG_TEXT,
                                     .typmod = -1,
                                     .type_kind = 'b',
                                     .type_name = STR("text") };
    l->rel = (struct relation){ .version = 1,
                                .oid = 1,
                                .schema = STR("public"),
                                .table = STR("t"),
                                .column_count = 2,
                                .columns = l->columns };
    if (!sink_cassandra_ops.open(&l->conf, &env, &l->sink, &l->err))
        fail_msg("%s", l->err.msg);
}

static void loop_close(struct loop *l)
{
    sink_cassandra_ops.close(l->sink);
    assert_true(fake_cql_stop(&l->node));
    arena_done(&l->arena);
}

static void add(struct loop *l, enum change_op op, const char *id, const char *v)
{
    size_t i = l->count++;

    l->values[i][0] =
        (struct value){ id != NULL ? VALUE_TEXT : VALUE_NULL, str_from(id != NULL ? id : "") };
    l->values[i][1] = (struct value){ VALUE_TEXT, str_from(v) };
    l->changes[i] = (struct change){ .wts = 1000 + (int64_t)i, .op = op, .rel = &l->rel };
    if (op != CHANGE_TRUNCATE)
        l->changes[i].after = l->values[i];
}

static bool write_batch(struct loop *l)
{
    struct batch b = { .arena = &l->arena, .changes = l->changes, .count = l->count };

    l->res = (struct sink_result){ 0 };
    return sink_cassandra_ops.write(l->sink, &b, &l->res, &l->err);
}

/* ---- claims ---- */

static void rows_that_fit_are_written(void **state)
{
    struct loop l;

    (void)state;
    loop_open(&l);
    assert_true(sink_cassandra_ops.relation(l.sink, &l.rel, &l.err));
    add(&l, CHANGE_INSERT, "1", "one");
    add(&l, CHANGE_UPDATE, "1", "two");
    add(&l, CHANGE_SNAPSHOT, "2", "");
    if (!write_batch(&l))
        fail_msg("%s", l.err.msg);
    assert_int_equal(l.res.reject_count, 0);
    loop_close(&l);
}

static void rows_that_do_not_fit_are_rejected_alone(void **state)
{
    struct loop l;

    (void)state;
    loop_open(&l);
    assert_true(sink_cassandra_ops.relation(l.sink, &l.rel, &l.err));
    add(&l, CHANGE_INSERT, "1", "good");
    add(&l, CHANGE_INSERT, NULL, "no key");
    add(&l, CHANGE_INSERT, "3", "not utf-8 \xff");
    add(&l, CHANGE_INSERT, "4", "bad");
    if (!write_batch(&l))
        fail_msg("%s", l.err.msg);
    assert_int_equal(l.res.reject_count, 3);
    assert_int_equal(l.res.rejects[0].index, 1);
    assert_int_equal(l.res.rejects[0].code, E_CASSANDRA_KEY_VALUE);
    assert_int_equal(l.res.rejects[1].index, 2);
    assert_int_equal(l.res.rejects[1].code, E_CQL_VALUE);
    assert_int_equal(l.res.rejects[2].index, 3);
    assert_int_equal(l.res.rejects[2].code, E_CQL_REJECTED);
    assert_non_null(strstr(l.res.rejects[2].reason, "value is bad"));
    loop_close(&l);
}

static void a_truncate_stops_the_sink_and_says_what_to_do(void **state)
{
    struct loop l;

    (void)state;
    loop_open(&l);
    add(&l, CHANGE_INSERT, "1", "before");
    add(&l, CHANGE_TRUNCATE, "0", "");
    add(&l, CHANGE_INSERT, "2", "after");
    assert_false(write_batch(&l));
    assert_int_equal(l.err.kind, ERR_STOP);
    assert_string_equal(l.err.code, "E0654");
    assert_non_null(strstr(l.err.msg, "on_truncate: ignore"));
    loop_close(&l);
}

static void a_truncate_may_be_ignored(void **state)
{
    struct loop l;

    (void)state;
    loop_open(&l);
    l.conf.on_truncate = SINK_CASSANDRA_TRUNCATE_IGNORE;
    add(&l, CHANGE_TRUNCATE, "0", "");
    add(&l, CHANGE_INSERT, "2", "after");
    if (!write_batch(&l))
        fail_msg("%s", l.err.msg);
    assert_int_equal(l.res.reject_count, 0);
    loop_close(&l);
}

static void a_shape_that_does_not_fit_stops_before_anything_is_written(void **state)
{
    struct loop l;

    (void)state;
    loop_open(&l);
    l.columns[0].type_oid = PG_INT8;
    l.columns[0].type_name = STR("bigint");
    assert_false(sink_cassandra_ops.relation(l.sink, &l.rel, &l.err));
    assert_int_equal(l.err.kind, ERR_STOP);
    assert_string_equal(l.err.code, "E0652");
    loop_close(&l);
}

static void say(void *ctx, const char *verdict, const char *line, const char *fix)
{
    buf_putf(ctx, "%s|%s|%s\n", verdict, line, fix != NULL ? fix : "");
}

static void the_doctor_says_what_fits_and_what_does_not(void **state)
{
    struct sink_env env = { .name = "c", .stop_fd = -1, .clock = &clock_system };
    const struct relation *rels[1];
    struct loop l;
    struct buf said;

    (void)state;
    loop_open(&l);
    sink_cassandra_ops.close(l.sink); /* the node talks to one client at a time */
    l.sink = NULL;
    buf_init(&said, MIB);
    rels[0] = &l.rel;
    assert_true(sink_cassandra_ops.probe(&l.conf, &env, rels, 1, say, &said, &l.err));
    assert_non_null(
        strstr(buf_cstr(&said), "ok|ks.t: 2 of 2 columns are written, the key is covered|"));
    assert_null(strstr(buf_cstr(&said), "warn"));
    buf_clear(&said);
    l.columns[1].primary_key = true;
    assert_true(sink_cassandra_ops.probe(&l.conf, &env, rels, 1, say, &said, &l.err));
    assert_non_null(strstr(buf_cstr(&said), "warn|ks.t: rows that differ only in \"v\" overwrite"));
    buf_clear(&said);
    l.columns[1].name = STR("w");
    assert_true(sink_cassandra_ops.probe(&l.conf, &env, rels, 1, say, &said, &l.err));
    assert_non_null(strstr(buf_cstr(&said),
                           "FAIL|t -> ks.t: no target column \"w\" (text)|ALTER TABLE ks.t "
                           "ADD w text;"));
    buf_done(&said);
    loop_close(&l);
}

static void a_node_that_is_gone_is_tried_again_later(void **state)
{
    struct loop l;

    (void)state;
    loop_open(&l);
    assert_true(sink_cassandra_ops.relation(l.sink, &l.rel, &l.err));
    assert_true(fake_cql_stop(&l.node));
    add(&l, CHANGE_INSERT, "1", "one");
    assert_false(write_batch(&l));
    assert_int_equal(l.err.kind, ERR_RETRY);
    sink_cassandra_ops.close(l.sink);
    arena_done(&l.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_fit_are_written),
        cmocka_unit_test(rows_that_do_not_fit_are_rejected_alone),
        cmocka_unit_test(a_truncate_stops_the_sink_and_says_what_to_do),
        cmocka_unit_test(a_truncate_may_be_ignored),
        cmocka_unit_test(a_shape_that_does_not_fit_stops_before_anything_is_written),
        cmocka_unit_test(the_doctor_says_what_fits_and_what_does_not),
        cmocka_unit_test(a_node_that_is_gone_is_tried_again_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
