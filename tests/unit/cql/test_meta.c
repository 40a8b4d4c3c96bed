/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/meta.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hex.h"

enum { CELLS = 32 };

/* Rows made by hand: all have the columns of the first one. */
static struct {
    const char *names[CELLS];
    struct str values[CELLS];
    struct cql_rows rows;
} given;
static struct arena arena;
static struct buf bytes;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, LIMIT_ARENA);
    buf_init(&bytes, MIB);
    given.rows = (struct cql_rows){ .names = given.names, .values = given.values, .row_count = 1 };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    buf_done(&bytes);
    return 0;
}

static void put(const char *name, struct str value)
{
    assert_true(given.rows.column_count < CELLS);
    given.names[given.rows.column_count] = name;
    given.values[given.rows.column_count++] = value;
}

/* Bytes from hexadecimal text; "" gives an empty value. */
static struct str hex(const char *text)
{
    buf_clear(&bytes);
    hex_put(&bytes, text);
    return arena_str(&arena, buf_view(&bytes));
}

#define ID     "000102030405060708090a0b0c0d0e0f"
#define TOKENS "00000002000000022d35000000023132" /* {"-5", "12"} */

static void put_place(void)
{
    put("host_id", hex(ID));
    put("data_center", STR("dc1"));
    put("rack", STR("r1"));
    put("tokens", hex(TOKENS));
}

/* ---- nodes ---- */

static void the_node_asked_keeps_the_address_it_was_asked_at(void **state)
{
    struct cql_meta_host h;

    (void)state;
    put_place();
    assert_true(cql_meta_local(&given.rows, 0, "db.example", 9142, &arena, &h));
    assert_string_equal(h.address, "db.example");
    assert_int_equal(h.port, 9142);
    assert_string_equal(h.dc, "dc1");
    assert_string_equal(h.rack, "r1");
    assert_int_equal(h.id[15], 0x0f);
    assert_int_equal(h.token_count, 2);
    assert_int_equal(h.tokens[0], -5);
    assert_int_equal(h.tokens[1], 12);
}

static void a_node_without_id_place_or_tokens_is_skipped(void **state)
{
    (void)state;
    put_place();
    put("native_address", hex("0a000001"));
    for (size_t i = 0; i < 5; i++) {
        struct str was = given.values[i];
        struct cql_meta_host h;

        given.values[i] = CQL_NULL;
        assert_false(cql_meta_peer(&given.rows, 0, 9042, &arena, &h));
        given.values[i] = was;
        assert_true(cql_meta_peer(&given.rows, 0, 9042, &arena, &h));
    }
}

static void a_peer_is_reached_at_its_native_address_and_port(void **state)
{
    struct cql_meta_host h;

    (void)state;
    put_place();
    put("peer", hex("0a000009"));
    put("rpc_address", hex("0a000008"));
    put("native_address", hex("20010db8000000000000000000000001"));
    put("native_port", hex("000023b6"));
    assert_true(cql_meta_peer(&given.rows, 0, 9042, &arena, &h));
    assert_string_equal(h.address, "2001:db8::1");
    assert_int_equal(h.port, 9142);
}

static void older_nodes_give_an_rpc_address_and_no_port(void **state)
{
    struct cql_meta_host h;

    (void)state;
    put_place();
    put("rpc_address", hex("0a000008"));
    assert_true(cql_meta_peer(&given.rows, 0, 9042, &arena, &h));
    assert_string_equal(h.address, "10.0.0.8");
    assert_int_equal(h.port, 9042);
}

static void an_unspecified_address_gives_way_to_the_peers_own(void **state)
{
    struct cql_meta_host h;

    (void)state;
    put_place();
    put("peer", hex("0a000009"));
    put("rpc_address", hex("00000000"));
    assert_true(cql_meta_peer(&given.rows, 0, 9042, &arena, &h));
    assert_string_equal(h.address, "10.0.0.9");
}

static void ports_that_are_none_are_not_taken(void **state)
{
    static const char *const bad[] = { "00000000", "00010000", "ffffffff", "2352" };

    (void)state;
    put_place();
    put("native_address", hex("0a000001"));
    put("native_port", CQL_NULL);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cql_meta_host h;

        given.values[5] = hex(bad[i]);
        assert_true(cql_meta_peer(&given.rows, 0, 9042, &arena, &h));
        assert_int_equal(h.port, 9042);
    }
}

static void an_address_of_another_length_is_skipped(void **state)
{
    struct cql_meta_host h;

    (void)state;
    put_place();
    put("native_address", hex("0a0000"));
    assert_false(cql_meta_peer(&given.rows, 0, 9042, &arena, &h));
}

static void tokens_of_other_partitioners_are_left_out(void **state)
{
    struct cql_meta_host h;

    (void)state;
    put_place();
    given.values[3] = hex("00000002"
                          "000000036b6579"
                          "0000000137");
    assert_true(cql_meta_local(&given.rows, 0, "n", 1, &arena, &h));
    assert_int_equal(h.token_count, 1);
    assert_int_equal(h.tokens[0], 7);
}

static void token_counts_that_lie_are_refused(void **state)
{
    static const char *const bad[] = { "",
                                       "0000",
                                       "00000800",
                                       "7fffffff",
                                       "00000002000000022d35",
                                       "00000001000000ff2d35",
                                       "ffffffff000000022d35" };

    (void)state;
    put_place();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cql_meta_host h;

        given.values[3] = hex(bad[i]);
        assert_false(cql_meta_local(&given.rows, 0, "n", 1, &arena, &h));
    }
    assert_true(arena.used < 8 * KIB); /* 2048 tokens would take twice that */
}

static void an_address_too_long_to_keep_is_refused(void **state)
{
    char name[CQL_META_ADDRESS + 1];
    struct cql_meta_host h;

    (void)state;
    memset(name, 'a', sizeof name);
    name[CQL_META_ADDRESS] = '\0';
    put_place();
    assert_false(cql_meta_local(&given.rows, 0, name, 1, &arena, &h));
    name[CQL_META_ADDRESS - 1] = '\0';
    assert_true(cql_meta_local(&given.rows, 0, name, 1, &arena, &h));
}

/* ---- replication ---- */

static void put_part(struct str text)
{
    buf_be32(&bytes, (uint32_t)text.n);
    buf_str(&bytes, text);
}

static void replication_is_read_from_its_map(void **state)
{
    struct cql_ring_replication rf;

    (void)state;
    buf_be32(&bytes, 2);
    put_part(STR("class"));
    put_part(STR("org.apache.cassandra.locator.NetworkTopologyStrategy"));
    put_part(STR("dc1"));
    put_part(STR("3"));
    put("replication", buf_view(&bytes));
    cql_meta_replication(&given.rows, 0, &rf);
    assert_int_equal(rf.strategy, CQL_RING_NETWORK);
    assert_int_equal(rf.dc_count, 1);
    assert_string_equal(rf.dcs[0].name, "dc1");
    assert_int_equal(rf.dcs[0].factor, 3);
}

static void a_map_cut_anywhere_prefers_no_replica(void **state)
{
    struct cql_ring_replication rf;

    (void)state;
    buf_be32(&bytes, 2);
    put_part(STR("class"));
    put_part(STR("org.apache.cassandra.locator.SimpleStrategy"));
    put_part(STR("replication_factor"));
    put_part(STR("3"));
    put("replication", buf_view(&bytes));
    cql_meta_replication(&given.rows, 0, &rf);
    assert_int_equal(rf.strategy, CQL_RING_SIMPLE);
    assert_int_equal(rf.factor, 3);
    for (size_t n = 0; n < bytes.n; n++) {
        given.values[0] = str_make(bytes.p, n);
        cql_meta_replication(&given.rows, 0, &rf);
        assert_int_equal(rf.strategy, CQL_RING_ANY);
    }
    given.values[0] = CQL_NULL;
    cql_meta_replication(&given.rows, 0, &rf);
    assert_int_equal(rf.strategy, CQL_RING_ANY);
}

static void a_map_with_more_options_than_can_be_is_not_read(void **state)
{
    struct cql_ring_replication rf;

    (void)state;
    buf_be32(&bytes, 200);
    for (int i = 0; i < 200; i++) {
        put_part(STR("class"));
        put_part(STR("SimpleStrategy"));
    }
    put("replication", buf_view(&bytes));
    cql_meta_replication(&given.rows, 0, &rf);
    assert_int_equal(rf.strategy, CQL_RING_ANY);
}

/* ---- columns ---- */

enum { NAME, TYPE, KIND, POSITION, COLUMN_CELLS };

static void put_columns(size_t count, const struct str cells[][COLUMN_CELLS])
{
    static const char *const names[] = { "column_name", "type", "kind", "position" };

    for (size_t i = 0; i < COLUMN_CELLS; i++)
        given.names[i] = names[i];
    for (size_t i = 0; i < count * COLUMN_CELLS; i++)
        given.values[i] = cells[i / COLUMN_CELLS][i % COLUMN_CELLS];
    given.rows.column_count = COLUMN_CELLS;
    given.rows.row_count = count;
}

#define AT(n) str_make(n, 4)
#define ZERO  AT("\0\0\0\0")
#define ONE   AT("\0\0\0\1")
#define NONE  AT("\xff\xff\xff\xff")

static void the_key_comes_first_then_the_rest_by_name(void **state)
{
    const struct str cells[][COLUMN_CELLS] = {
        { STR("z"), STR("int"), STR("regular"), NONE },
        { STR("c"), STR("text"), STR("clustering"), ZERO },
        { STR("b"), STR("frozen<list<text>>"), STR("static"), NONE },
        { STR("p2"), STR("bigint"), STR("partition_key"), ONE },
        { STR("p1"), STR("uuid"), STR("partition_key"), ZERO },
    };
    static const char *const order[] = { "p1", "p2", "c", "b", "z" };
    struct cql_column *columns;

    (void)state;
    put_columns(5, cells);
    assert_true(cql_meta_columns(&given.rows, &arena, &columns));
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(columns[i].name, order[i]);
    assert_int_equal(columns[0].kind, CQL_PARTITION_KEY);
    assert_int_equal(columns[1].position, 1);
    assert_int_equal(columns[2].kind, CQL_CLUSTERING);
    assert_int_equal(columns[3].kind, CQL_STATIC);
    assert_int_equal(columns[3].type->id, CQL_LIST);
    assert_int_equal(columns[4].position, -1);
}

static void a_type_that_cannot_be_read_keeps_its_text(void **state)
{
    const struct str cells[][COLUMN_CELLS] = {
        { STR("v"), STR("map<int"), STR("regular"), NONE },
    };
    struct cql_column *columns;

    (void)state;
    put_columns(1, cells);
    assert_true(cql_meta_columns(&given.rows, &arena, &columns));
    assert_null(columns[0].type);
    assert_string_equal(columns[0].type_text, "map<int");
}

static void an_incomplete_column_is_refused(void **state)
{
    const struct str good[1][COLUMN_CELLS] = { { STR("v"), STR("int"), STR("regular"), NONE } };
    struct cql_column *columns;

    (void)state;
    put_columns(1, good);
    for (size_t i = 0; i < COLUMN_CELLS; i++) {
        given.values[i] = CQL_NULL;
        assert_false(cql_meta_columns(&given.rows, &arena, &columns));
        given.values[i] = good[0][i];
    }
    given.values[KIND] = STR("compact_value");
    assert_false(cql_meta_columns(&given.rows, &arena, &columns));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_node_asked_keeps_the_address_it_was_asked_at),
        CASE(a_node_without_id_place_or_tokens_is_skipped),
        CASE(a_peer_is_reached_at_its_native_address_and_port),
        CASE(older_nodes_give_an_rpc_address_and_no_port),
        CASE(an_unspecified_address_gives_way_to_the_peers_own),
        CASE(ports_that_are_none_are_not_taken),
        CASE(an_address_of_another_length_is_skipped),
        CASE(tokens_of_other_partitioners_are_left_out),
        CASE(token_counts_that_lie_are_refused),
        CASE(an_address_too_long_to_keep_is_refused),
        CASE(replication_is_read_from_its_map),
        CASE(a_map_cut_anywhere_prefers_no_replica),
        CASE(a_map_with_more_options_than_can_be_is_not_read),
        CASE(the_key_comes_first_then_the_rest_by_name),
        CASE(a_type_that_cannot_be_read_keeps_its_text),
        CASE(an_incomplete_column_is_refused),
    };
#undef CASE

    return cmocka_run_group_tests(tests, NULL, NULL);
}
