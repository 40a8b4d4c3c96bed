/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "cql/murmur3.h"
#include "cql/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct cql_ring_replication parse(const char *const pairs[][2], size_t count)
{
    struct str keys[8];
    struct str values[8];
    struct cql_ring_replication rf;

    for (size_t i = 0; i < count; i++) {
        keys[i] = str_from(pairs[i][0]);
        values[i] = str_from(pairs[i][1]);
    }
    cql_ring_replication_parse(keys, values, count, &rf);
    return rf;
}

static void simple_replication_is_read(void **state)
{
    static const char *const pairs[][2] = {
        { "class", "org.apache.cassandra.locator.SimpleStrategy" }, { "replication_factor", "3" }
    };
    struct cql_ring_replication rf = parse(pairs, 2);

    (void)state;
    assert_int_equal(rf.strategy, CQL_RING_SIMPLE);
    assert_int_equal(rf.factor, 3);
}

static void network_replication_is_read_in_any_order(void **state)
{
    static const char *const pairs[][2] = {
        { "dc1", "3" },
        { "class", "org.apache.cassandra.locator.NetworkTopologyStrategy" },
        { "dc2", "3/1" }
    };
    struct cql_ring_replication rf = parse(pairs, 3);

    (void)state;
    assert_int_equal(rf.strategy, CQL_RING_NETWORK);
    assert_int_equal(rf.dc_count, 2);
    assert_string_equal(rf.dcs[0].name, "dc1");
    assert_int_equal(rf.dcs[0].factor, 3);
    assert_string_equal(rf.dcs[1].name, "dc2");
    assert_int_equal(rf.dcs[1].factor, 2);
}

static void what_is_not_understood_prefers_no_replica(void **state)
{
    static const char *const local[][2] = { { "class",
                                              "org.apache.cassandra.locator.LocalStrategy" } };
    static const char *const broken[][2] = { { "class", "SimpleStrategy" },
                                             { "replication_factor", "three" } };
    static const char *const transient[][2] = { { "class", "SimpleStrategy" },
                                                { "replication_factor", "1/3" } };

    (void)state;
    assert_int_equal(parse(local, 1).strategy, CQL_RING_ANY);
    assert_int_equal(parse(broken, 2).strategy, CQL_RING_ANY);
    assert_int_equal(parse(transient, 2).strategy, CQL_RING_ANY);
    assert_int_equal(parse(NULL, 0).strategy, CQL_RING_ANY);
}

static void one_part_is_the_key_itself(void **state)
{
    struct str part = STR("abc");
    struct error err;
    struct buf b;

    (void)state;
    buf_init(&b, MIB);
    assert_true(cql_ring_key(&b, &part, 1, &err));
    assert_true(str_is(buf_view(&b), "abc"));
    buf_done(&b);
}

/* [V] the partition (int 1, text 'ab') as the Python driver composes it. */
static void several_parts_are_framed(void **state)
{
    struct str parts[] = { str_make("\0\0\0\1", 4), STR("ab"), STR("") };
    struct error err;
    struct buf b;

    (void)state;
    buf_init(&b, MIB);
    assert_true(cql_ring_key(&b, parts, 3, &err));
    assert_true(str_eq(buf_view(&b), STR("\0\4\0\0\0\1\0"
                                         "\0\2"
                                         "ab"
                                         "\0"
                                         "\0\0"
                                         "\0")));
    buf_done(&b);
}

static void empty_and_oversized_keys_are_rejected(void **state)
{
    static char large[65536];
    struct str empty = STR("");
    struct str part = str_make(large, sizeof large);
    struct str two[] = { str_make(large, 65535), STR("x") };
    struct error err;
    struct buf b;

    (void)state;
    buf_init(&b, MIB);
    assert_false(cql_ring_key(&b, &empty, 1, &err));
    assert_int_equal(err.kind, ERR_REJECT);
    assert_string_equal(err.code, "E0651");
    assert_false(cql_ring_key(&b, &part, 1, &err));
    assert_false(cql_ring_key(&b, two, 2, &err));
    two[0].n = 32766;
    two[1] = two[0]; /* 65532 bytes, and six that frame them */
    assert_false(cql_ring_key(&b, two, 2, &err));
    assert_int_equal(b.n, 0);
    two[1].n = 32763;
    assert_true(cql_ring_key(&b, two, 2, &err));
    assert_int_equal(b.n, 65535);
    buf_clear(&b);
    part.n = 65535;
    assert_true(cql_ring_key(&b, &part, 1, &err));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_replication_is_read),
        cmocka_unit_test(network_replication_is_read_in_any_order),
        cmocka_unit_test(what_is_not_understood_prefers_no_replica),
        cmocka_unit_test(one_part_is_the_key_itself),
        cmocka_unit_test(several_parts_are_framed),
        cmocka_unit_test(empty_and_oversized_keys_are_rejected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
