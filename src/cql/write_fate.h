/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_WRITE_FATE_H
#define CQL_WRITE_FATE_H

/*
 * One piece of work under way, and what becomes of each of its requests; shared by the files of write.h
 * and by nobody else. Every request is settled once, as durable or rejected, unless the work fails first.
 *
 * Nothing here does I/O. One thread.
 */

#include "cql/write.h"

#include <poll.h>

/* What a connection calls a request: its index + 1, or this bit and the number of the statement. */
#define CQL_WRITE_TAG_PREPARE (UINT64_C(1) << 32)
#define CQL_WRITE_NO_HOST     UINT32_MAX

enum cql_write_fate { CQL_FATE_PENDING, CQL_FATE_DONE, CQL_FATE_REJECTED, CQL_FATE_FAILING };

struct cql_write_item {
    uint32_t avoid; /* the node that failed it, or CQL_WRITE_NO_HOST */
    uint8_t tries;
    uint8_t bounces;
    uint8_t fate; /* enum cql_write_fate */
};

struct cql_write {
    const struct cql_write_work *work;
    struct cql_write_item *items; /* by index of the request */
    size_t item_cap;
    uint32_t *again; /* indexes to be sent again */
    size_t again_count;
    size_t next;   /* the first that was never sent */
    size_t flying; /* requests in flight, PREPAREs included */
    size_t open;   /* requests not settled */
    size_t rejected;
    size_t failing;
    unsigned streak; /* pieces of work in a row in which replicas failed on some records */
    struct error failure;
    int64_t now_us;
    struct buf key;
    struct arena reasons;
    struct pollfd *fds;
    size_t fd_cap;
};

/* Has the work failed, so that nothing more is to be sent? */
bool cql_write_failed(const struct cql_write *w);
/* Only the first failure counts, but for one that a person must see. */
void cql_write_fail(struct cql_write *w, const struct error *err);

/* Settles a request. `fate` of a refused one is CQL_FATE_REJECTED, or CQL_FATE_FAILING where it counts only
 * when it happens again and again; the reason is copied. */
void cql_write_done(struct cql_write *w, uint32_t index);
void cql_write_reject(struct cql_write *w, uint32_t index, enum cql_write_fate fate,
                      const struct error *err, enum error_code code);

/* It is to be sent once more, to any node. */
void cql_write_again(struct cql_write *w, uint32_t index);
/* The request's outcome on `host` is unknown, or it was not executed: another node, or the end (`err`). */
void cql_write_try_again(struct cql_write *w, uint32_t index, uint32_t host,
                         const struct error *err);

#endif
