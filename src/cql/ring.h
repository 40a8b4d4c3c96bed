/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_RING_H
#define CQL_RING_H

/*
 * Which nodes hold a partition. Pure computation over values: it connects to nothing and knows no
 * addresses; a host is its index in the array that the ring was built from, and whether it is up is
 * the caller's business. Owned by one thread; immutable once built, so that readers need no lock.
 *
 *     ring = cql_ring_new(hosts, n);                     -- at every topology change
 *     cql_ring_replication_parse(keys, values, n, &rf)   -- system_schema.keyspaces.replication
 *     place = cql_ring_place(ring, &rf);                 -- once per keyspace and ring
 *     cql_ring_key(&key, parts, n, err);  token = cql_murmur3_token(buf_view(&key));
 *     n = cql_ring_plan(place, token, "dc1", turn, order, cap);
 *
 * Tokens are range ends: a token's owner has the smallest ring token that is not below it, and above
 * the last one it is the first. Free in the other order: placement, then ring.
 */

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>

struct cql_ring;
struct cql_ring_place;

/* Everything is borrowed during cql_ring_new only. A host without tokens is never a replica. */
struct cql_ring_host {
    const char *dc;
    const char *rack;
    const int64_t *tokens;
    size_t token_count;
};

/* At most LIMIT_CQL_HOSTS hosts; no hosts is fine. A token named twice belongs to the first host. */
struct cql_ring *cql_ring_new(const struct cql_ring_host *hosts, size_t host_count);
void cql_ring_free(struct cql_ring *ring);

enum cql_ring_strategy {
    CQL_RING_SIMPLE,  /* the next `factor` hosts of the ring */
    CQL_RING_NETWORK, /* a factor per data center, racks first */
    CQL_RING_ANY /* LocalStrategy, EverywhereStrategy and unknown ones: no replica is preferred */
};

enum { CQL_RING_DCS_MAX = 64, CQL_RING_DC_NAME = 64 };

/* A value without pointers, so that it may be kept and compared. */
struct cql_ring_replication {
    enum cql_ring_strategy strategy;
    uint32_t factor; /* SIMPLE */
    uint32_t dc_count;
    struct {
        char name[CQL_RING_DC_NAME];
        uint32_t factor;
    } dcs[CQL_RING_DCS_MAX]; /* NETWORK */
};

/* From the map of system_schema.keyspaces.replication ("class" and its options; "3/1" with transient
 * replicas counts the full ones, 2). What cannot be understood becomes CQL_RING_ANY: routing is then
 * less direct, never wrong. */
void cql_ring_replication_parse(const struct str *keys, const struct str *values, size_t count,
                                struct cql_ring_replication *ret_replication);

/* Replicas of every range, computed once. Borrows the ring. */
struct cql_ring_place *cql_ring_place(const struct cql_ring *ring,
                                      const struct cql_ring_replication *replication);
void cql_ring_place_free(struct cql_ring_place *place);

/* The owner of a token, or UINT32_MAX in an empty ring. */
uint32_t cql_ring_owner(const struct cql_ring *ring, int64_t token);
/* Writes up to `cap` replicas of a token, the primary one first; returns how many. */
size_t cql_ring_replicas(const struct cql_ring_place *place, int64_t token, uint32_t *ret_hosts,
                         size_t cap);

/* The order in which hosts are tried for one request: replicas in local_dc (started at `turn`, to
 * spread the load), other hosts of local_dc (likewise), and nothing else: a write never leaves its
 * data center by itself. local_dc NULL or "": all hosts count as local. Returns how many were written
 * to ret_hosts (at most cap). */
size_t cql_ring_plan(const struct cql_ring_place *place, int64_t token, const char *local_dc,
                     uint32_t turn, uint32_t *ret_hosts, size_t cap);
/* The same without a token: for requests that are not routable. */
size_t cql_ring_plan_any(const struct cql_ring *ring, const char *local_dc, uint32_t turn,
                         uint32_t *ret_hosts, size_t cap);

/* Appends the routing key of the partition key's encoded values, in the order of the key: one is
 * itself; of several each becomes uint16 length, bytes, 00. A part above 65535 bytes is ERR_REJECT
 * (E_CQL_KEY_LENGTH). */
bool cql_ring_key(struct buf *b, const struct str *parts, size_t part_count,
                  struct error *err) MUST_CHECK;

#endif
