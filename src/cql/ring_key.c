/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routing keys, and what a keyspace says about its replication:
 *     {'class': 'org.apache.cassandra.locator.NetworkTopologyStrategy', 'dc1': '3', 'dc2': '3/1'}
 *     {'class': 'org.apache.cassandra.locator.SimpleStrategy', 'replication_factor': '3'}
 */
#include "cql/ring.h"

enum { KEY_MAX = 65535 };

/* "3" or "3/1": all replicas, of which so many are transient and hold no data of their own. */
static bool parse_factor(struct str s, uint32_t *ret_factor)
{
    size_t slash = str_find(s, '/');
    uint64_t all;
    uint64_t transient = 0;

    if (!str_to_u64(str_make(s.p, slash), &all) || all > UINT32_MAX)
        return false;
    if (slash < s.n && !str_to_u64(str_make(s.p + slash + 1, s.n - slash - 1), &transient))
        return false;
    if (transient > all)
        return false;
    *ret_factor = (uint32_t)(all - transient);
    return true;
}

/* The last part of a class name. */
static struct str short_name(struct str s)
{
    for (size_t i = s.n; i > 0; i--) {
        if (s.p[i - 1] == '.')
            return str_make(s.p + i, s.n - i);
    }
    return s;
}

static bool add_option(struct cql_ring_replication *rf, struct str key, struct str value)
{
    uint32_t factor;

    if (str_is(key, "class"))
        return true;
    if (!parse_factor(value, &factor))
        return false;
    if (str_is(key, "replication_factor")) {
        rf->factor = factor;
        return true;
    }
    if (rf->dc_count == CQL_RING_DCS_MAX || key.n >= CQL_RING_DC_NAME)
        return false;
    if (!str_copy(key, rf->dcs[rf->dc_count].name, CQL_RING_DC_NAME))
        return false;
    rf->dcs[rf->dc_count++].factor = factor;
    return true;
}

void cql_ring_replication_parse(const struct str *keys, const struct str *values, size_t count,
                                struct cql_ring_replication *ret_replication)
{
    struct cql_ring_replication rf = { .strategy = CQL_RING_ANY };
    bool understood = true;

    for (size_t i = 0; i < count; i++) {
        if (!str_is(keys[i], "class"))
            continue;
        if (str_is(short_name(values[i]), "SimpleStrategy"))
            rf.strategy = CQL_RING_SIMPLE;
        else if (str_is(short_name(values[i]), "NetworkTopologyStrategy"))
            rf.strategy = CQL_RING_NETWORK;
    }
    for (size_t i = 0; i < count && rf.strategy != CQL_RING_ANY; i++)
        understood = add_option(&rf, keys[i], values[i]) && understood;
    if (understood)
        *ret_replication = rf;
    else
        *ret_replication = (struct cql_ring_replication){ .strategy = CQL_RING_ANY };
}

bool cql_ring_key(struct buf *b, const struct str *parts, size_t part_count, struct error *err)
{
    size_t total = 0;

    for (size_t i = 0; i < part_count; i++) {
        if (parts[i].n > KEY_MAX)
            return error_set(err, ERR_REJECT, E_CQL_KEY_LENGTH,
                             "cannot write a row (partition key part of %zu bytes): above %d",
                             parts[i].n, KEY_MAX);
        total += parts[i].n + (part_count > 1 ? 3 : 0);
    }
    if (total == 0 || total > KEY_MAX)
        return error_set(err, ERR_REJECT, E_CQL_KEY_LENGTH,
                         "cannot write a row (partition key of %zu bytes): Cassandra takes 1 to %d",
                         total, KEY_MAX);
    if (part_count == 1) {
        buf_str(b, parts[0]);
        return true;
    }
    for (size_t i = 0; i < part_count; i++) {
        buf_be16(b, (uint16_t)parts[i].n);
        buf_str(b, parts[i]);
        buf_u8(b, 0);
    }
    return true;
}
