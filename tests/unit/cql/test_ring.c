/* SPDX-License-Identifier: Apache-2.0 */
/* Placements as Cassandra's Python driver computes them (cassandra.metadata), over one ring of eight hosts in
 * two data centers with uneven racks, three tokens each. */
#include "cql/ring.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { HOSTS = 8, TOKENS = 3, RANGES = HOSTS * TOKENS, WIDTH_MAX = 8 };

static const int64_t tokens[HOSTS][TOKENS] = {
    { INT64_C(6746754309487011182), INT64_C(6582960470780362280), INT64_C(5187557457942614158) },
    { INT64_C(-888536827832248382), INT64_C(6549435970184405694), INT64_C(-5720297781732648397) },
    { INT64_C(5605971261777110649), INT64_C(-447089437431795261), INT64_C(2102169396385414778) },
    { INT64_C(-5789073693455906732), INT64_C(-985182458400441964), INT64_C(-6607713467406502782) },
    { INT64_C(713769272303038246), INT64_C(7201248935695146304), INT64_C(2480216081659408168) },
    { INT64_C(1760492710964800360), INT64_C(-1915510389950314699), INT64_C(-867091727562154567) },
    { INT64_C(4407220095905396631), INT64_C(2768320932762453119), INT64_C(2271319057742530664) },
    { INT64_C(6118814987828270725), INT64_C(-8058184880770253129), INT64_C(-8565694324606583340) },
};

static const char *const layout[HOSTS][2] = {
    { "dc1", "r1" }, { "dc1", "r1" }, { "dc1", "r2" }, { "dc1", "r3" },
    { "dc1", "r1" }, { "dc2", "r1" }, { "dc2", "r1" }, { "dc2", "r2" },
};

struct expected {
    int64_t token;
    uint32_t hosts[WIDTH_MAX];
};

static struct cql_ring *make_ring(void)
{
    struct cql_ring_host hosts[HOSTS];

    for (size_t i = 0; i < HOSTS; i++)
        hosts[i] = (struct cql_ring_host){ layout[i][0], layout[i][1], tokens[i], TOKENS };
    return cql_ring_new(hosts, HOSTS);
}

static struct cql_ring_replication simple(uint32_t factor)
{
    return (struct cql_ring_replication){ .strategy = CQL_RING_SIMPLE, .factor = factor };
}

static struct cql_ring_replication network(uint32_t dc1, uint32_t dc2)
{
    return (struct cql_ring_replication){ .strategy = CQL_RING_NETWORK,
                                          .dc_count = 2,
                                          .dcs = { { "dc1", dc1 }, { "dc2", dc2 } } };
}

static int number_cmp(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

/* Do all ranges have these replicas, at the token itself and just below it? */
static void expect_replicas(struct cql_ring_replication rf, const struct expected *expected,
                            size_t width, bool ordered)
{
    struct cql_ring *ring = make_ring();
    struct cql_ring_place *place = cql_ring_place(ring, &rf);
    uint32_t got[HOSTS + 1];

    for (size_t i = 0; i < RANGES; i++) {
        for (int64_t below = 0; below <= 1; below++) {
            assert_int_equal(cql_ring_replicas(place, expected[i].token - below, got, HOSTS + 1),
                             width);
            if (!ordered)
                qsort(got, width, sizeof got[0], number_cmp);
            assert_memory_equal(got, expected[i].hosts, width * sizeof got[0]);
        }
    }
    cql_ring_place_free(place);
    cql_ring_free(ring);
}

static void simple_strategy_takes_the_next_hosts_in_order(void **state)
{
    static const struct expected expected[RANGES] = {
        { INT64_C(-8565694324606583340), { 7, 3, 1 } },
        { INT64_C(-8058184880770253129), { 7, 3, 1 } },
        { INT64_C(-6607713467406502782), { 3, 1, 5 } },
        { INT64_C(-5789073693455906732), { 3, 1, 5 } },
        { INT64_C(-5720297781732648397), { 1, 5, 3 } },
        { INT64_C(-1915510389950314699), { 5, 3, 1 } },
        { INT64_C(-985182458400441964), { 3, 1, 5 } },
        { INT64_C(-888536827832248382), { 1, 5, 2 } },
        { INT64_C(-867091727562154567), { 5, 2, 4 } },
        { INT64_C(-447089437431795261), { 2, 4, 5 } },
        { INT64_C(713769272303038246), { 4, 5, 2 } },
        { INT64_C(1760492710964800360), { 5, 2, 6 } },
        { INT64_C(2102169396385414778), { 2, 6, 4 } },
        { INT64_C(2271319057742530664), { 6, 4, 0 } },
        { INT64_C(2480216081659408168), { 4, 6, 0 } },
        { INT64_C(2768320932762453119), { 6, 0, 2 } },
        { INT64_C(4407220095905396631), { 6, 0, 2 } },
        { INT64_C(5187557457942614158), { 0, 2, 7 } },
        { INT64_C(5605971261777110649), { 2, 7, 1 } },
        { INT64_C(6118814987828270725), { 7, 1, 0 } },
        { INT64_C(6549435970184405694), { 1, 0, 4 } },
        { INT64_C(6582960470780362280), { 0, 4, 7 } },
        { INT64_C(6746754309487011182), { 0, 4, 7 } },
        { INT64_C(7201248935695146304), { 4, 7, 3 } },
    };

    (void)state;
    expect_replicas(simple(3), expected, 3, true);
}

static void network_topology_spreads_over_racks(void **state)
{
    static const struct expected expected[RANGES] = {
        { INT64_C(-8565694324606583340), { 1, 2, 3, 5, 7 } },
        { INT64_C(-8058184880770253129), { 1, 2, 3, 5, 7 } },
        { INT64_C(-6607713467406502782), { 1, 2, 3, 5, 7 } },
        { INT64_C(-5789073693455906732), { 1, 2, 3, 5, 7 } },
        { INT64_C(-5720297781732648397), { 1, 2, 3, 5, 7 } },
        { INT64_C(-1915510389950314699), { 1, 2, 3, 5, 7 } },
        { INT64_C(-985182458400441964), { 1, 2, 3, 5, 7 } },
        { INT64_C(-888536827832248382), { 1, 2, 3, 5, 7 } },
        { INT64_C(-867091727562154567), { 2, 3, 4, 5, 7 } },
        { INT64_C(-447089437431795261), { 2, 3, 4, 5, 7 } },
        { INT64_C(713769272303038246), { 2, 3, 4, 5, 7 } },
        { INT64_C(1760492710964800360), { 2, 3, 4, 5, 7 } },
        { INT64_C(2102169396385414778), { 2, 3, 4, 6, 7 } },
        { INT64_C(2271319057742530664), { 2, 3, 4, 6, 7 } },
        { INT64_C(2480216081659408168), { 2, 3, 4, 6, 7 } },
        { INT64_C(2768320932762453119), { 0, 2, 3, 6, 7 } },
        { INT64_C(4407220095905396631), { 0, 2, 3, 6, 7 } },
        { INT64_C(5187557457942614158), { 0, 2, 3, 5, 7 } },
        { INT64_C(5605971261777110649), { 1, 2, 3, 5, 7 } },
        { INT64_C(6118814987828270725), { 1, 2, 3, 5, 7 } },
        { INT64_C(6549435970184405694), { 1, 2, 3, 5, 7 } },
        { INT64_C(6582960470780362280), { 0, 2, 3, 5, 7 } },
        { INT64_C(6746754309487011182), { 0, 2, 3, 5, 7 } },
        { INT64_C(7201248935695146304), { 2, 3, 4, 5, 7 } },
    };

    (void)state;
    expect_replicas(network(3, 2), expected, 5, false);
}

static void racks_are_used_again_when_there_are_too_few(void **state)
{
    static const struct expected expected[RANGES] = {
        { INT64_C(-8565694324606583340), { 1, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(-8058184880770253129), { 1, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(-6607713467406502782), { 1, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(-5789073693455906732), { 1, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(-5720297781732648397), { 1, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(-1915510389950314699), { 1, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(-985182458400441964), { 1, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(-888536827832248382), { 1, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(-867091727562154567), { 0, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(-447089437431795261), { 0, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(713769272303038246), { 0, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(1760492710964800360), { 0, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(2102169396385414778), { 0, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(2271319057742530664), { 0, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(2480216081659408168), { 0, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(2768320932762453119), { 0, 1, 2, 3, 5, 6, 7 } },
        { INT64_C(4407220095905396631), { 0, 1, 2, 3, 5, 6, 7 } },
        { INT64_C(5187557457942614158), { 0, 1, 2, 3, 5, 6, 7 } },
        { INT64_C(5605971261777110649), { 0, 1, 2, 3, 5, 6, 7 } },
        { INT64_C(6118814987828270725), { 0, 1, 2, 3, 5, 6, 7 } },
        { INT64_C(6549435970184405694), { 0, 1, 2, 3, 5, 6, 7 } },
        { INT64_C(6582960470780362280), { 0, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(6746754309487011182), { 0, 2, 3, 4, 5, 6, 7 } },
        { INT64_C(7201248935695146304), { 1, 2, 3, 4, 5, 6, 7 } },
    };

    (void)state;
    expect_replicas(network(4, 5), expected, 7, false);
}

static void a_token_belongs_to_the_next_range_end_and_wraps_around(void **state)
{
    static const int64_t low[] = { -100 };
    static const int64_t high[] = { 100 };
    struct cql_ring_host hosts[] = { { "dc1", "r1", low, 1 }, { "dc1", "r1", high, 1 } };
    struct cql_ring *ring = cql_ring_new(hosts, 2);

    (void)state;
    assert_int_equal(cql_ring_owner(ring, INT64_MIN), 0);
    assert_int_equal(cql_ring_owner(ring, -100), 0);
    assert_int_equal(cql_ring_owner(ring, -99), 1);
    assert_int_equal(cql_ring_owner(ring, 100), 1);
    assert_int_equal(cql_ring_owner(ring, 101), 0);
    assert_int_equal(cql_ring_owner(ring, INT64_MAX), 0);
    cql_ring_free(ring);
}

static void an_empty_ring_has_no_owner_and_no_plan(void **state)
{
    struct cql_ring *ring = cql_ring_new(NULL, 0);
    struct cql_ring_replication rf = simple(3);
    struct cql_ring_place *place = cql_ring_place(ring, &rf);
    uint32_t got[2];

    (void)state;
    assert_int_equal(cql_ring_owner(ring, 1), UINT32_MAX);
    assert_int_equal(cql_ring_replicas(place, 1, got, 2), 0);
    assert_int_equal(cql_ring_plan(place, 1, "dc1", 7, got, 2), 0);
    cql_ring_place_free(place);
    cql_ring_free(ring);
}

static void more_replicas_than_hosts_are_all_hosts(void **state)
{
    struct cql_ring *ring = make_ring();
    struct cql_ring_replication rf = simple(100);
    struct cql_ring_place *place = cql_ring_place(ring, &rf);
    uint32_t got[HOSTS * 2];

    (void)state;
    assert_int_equal(cql_ring_replicas(place, 0, got, HOSTS * 2), HOSTS);
    cql_ring_place_free(place);
    cql_ring_free(ring);
}

/* Two nodes that claim the same token (a replaced node, for a moment) must not be counted twice. */
static void a_token_named_twice_belongs_to_the_first_host(void **state)
{
    static const int64_t same[] = { 5 };
    struct cql_ring_host hosts[] = { { "dc1", "r1", same, 1 }, { "dc1", "r2", same, 1 } };
    struct cql_ring *ring = cql_ring_new(hosts, 2);
    struct cql_ring_replication rf = network(2, 2);
    struct cql_ring_place *place = cql_ring_place(ring, &rf);
    uint32_t got[4];

    (void)state;
    assert_int_equal(cql_ring_owner(ring, 0), 0);
    assert_int_equal(cql_ring_replicas(place, 0, got, 4), 1);
    cql_ring_place_free(place);
    cql_ring_free(ring);
}

static void a_plan_has_local_replicas_first_then_other_local_hosts(void **state)
{
    struct cql_ring *ring = make_ring();
    struct cql_ring_replication rf = network(3, 2);
    struct cql_ring_place *place = cql_ring_place(ring, &rf);
    uint32_t replicas[HOSTS];
    uint32_t plan[HOSTS];

    (void)state;
    assert_int_equal(cql_ring_replicas(place, 42, replicas, HOSTS), 5);
    for (uint32_t turn = 0; turn < 12; turn++) {
        bool seen[HOSTS] = { false };

        assert_int_equal(cql_ring_plan(place, 42, "dc1", turn, plan, HOSTS), 5);
        for (size_t i = 0; i < 5; i++) {
            bool replica = false;

            for (size_t k = 0; k < 5; k++)
                replica = replica || replicas[k] == plan[i];
            assert_int_equal(replica, i < 3);
            assert_true(plan[i] < 5); /* of dc1 */
            assert_false(seen[plan[i]]);
            seen[plan[i]] = true;
        }
    }
    cql_ring_place_free(place);
    cql_ring_free(ring);
}

static void plans_rotate_over_the_replicas(void **state)
{
    struct cql_ring *ring = make_ring();
    struct cql_ring_replication rf = network(3, 2);
    struct cql_ring_place *place = cql_ring_place(ring, &rf);
    unsigned first[HOSTS] = { 0 };
    uint32_t plan[1];

    (void)state;
    for (uint32_t turn = 0; turn < 30; turn++) {
        assert_int_equal(cql_ring_plan(place, 42, "dc1", turn, plan, 1), 1);
        first[plan[0]]++;
    }
    for (size_t i = 0; i < HOSTS; i++)
        assert_true(first[i] == 0 || first[i] == 10);
    cql_ring_place_free(place);
    cql_ring_free(ring);
}

static void without_a_local_dc_all_hosts_are_local(void **state)
{
    struct cql_ring *ring = make_ring();
    uint32_t plan[HOSTS];

    (void)state;
    assert_int_equal(cql_ring_plan_any(ring, NULL, 3, plan, HOSTS), HOSTS);
    assert_int_equal(plan[0], 3);
    assert_int_equal(cql_ring_plan_any(ring, "dc2", 0, plan, HOSTS), 3);
    assert_int_equal(cql_ring_plan_any(ring, "elsewhere", 0, plan, HOSTS), 0);
    cql_ring_free(ring);
}

static void any_strategy_prefers_nobody(void **state)
{
    struct cql_ring *ring = make_ring();
    struct cql_ring_replication rf = { .strategy = CQL_RING_ANY };
    struct cql_ring_place *place = cql_ring_place(ring, &rf);
    uint32_t plan[HOSTS];

    (void)state;
    assert_int_equal(cql_ring_replicas(place, 1, plan, HOSTS), 0);
    assert_int_equal(cql_ring_plan(place, 1, "dc1", 0, plan, HOSTS), 5);
    cql_ring_place_free(place);
    cql_ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(simple_strategy_takes_the_next_hosts_in_order),
        cmocka_unit_test(network_topology_spreads_over_racks),
        cmocka_unit_test(racks_are_used_again_when_there_are_too_few),
        cmocka_unit_test(a_token_belongs_to_the_next_range_end_and_wraps_around),
        cmocka_unit_test(an_empty_ring_has_no_owner_and_no_plan),
        cmocka_unit_test(more_replicas_than_hosts_are_all_hosts),
        cmocka_unit_test(a_token_named_twice_belongs_to_the_first_host),
        cmocka_unit_test(a_plan_has_local_replicas_first_then_other_local_hosts),
        cmocka_unit_test(plans_rotate_over_the_replicas),
        cmocka_unit_test(without_a_local_dc_all_hosts_are_local),
        cmocka_unit_test(any_strategy_prefers_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
