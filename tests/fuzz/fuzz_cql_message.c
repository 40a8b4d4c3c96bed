/* SPDX-License-Identifier: Apache-2.0 */
/* Answers from a peer: a whole envelope, read as each kind of message it could be. */
#include "base/arena.h"
#include "base/limits.h"
#include "cql/failure.h"
#include "cql/meta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_rows(const struct cql_rows *rows, struct arena *a)
{
    struct cql_ring_replication replication;
    struct cql_column *columns;
    struct cql_meta_host host;

    for (size_t i = 0; i < rows->row_count && i < 64; i++) {
        (void)cql_meta_local(rows, i, "a", 1, a, &host);
        (void)cql_meta_peer(rows, i, 1, a, &host);
        cql_meta_replication(rows, i, &replication);
    }
    (void)cql_meta_columns(rows, a, &columns);
}

static void read_all(const struct cql_envelope *e, struct arena *a)
{
    struct cql_failure failure;
    struct cql_prepared prepared;
    struct cql_event event;
    struct cql_rows rows = { 0 };
    struct error err = { 0 };
    unsigned version;

    if (cql_reply_failure(e, &failure, &err)) {
        (void)cql_failure_action(&failure);
        (void)cql_failure_error(&failure, "write", "peer", &err);
    }
    (void)cql_reply_supported(e, 5, &version, &err);
    (void)cql_reply_event(e, &event, &err);
    (void)cql_reply_result_kind(e);
    (void)cql_reply_prepared(e, a, &prepared, &err);
    if (cql_reply_rows(e, a, &rows, &err))
        use_rows(&rows, a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cql_envelope e;
    struct arena a;
    struct error err;
    size_t taken;

    if (!cql_wire_take(str_make(data, size), &e, &taken, &err) || taken == 0)
        return 0;
    arena_init(&a, LIMIT_ARENA);
    read_all(&e, &a);
    arena_done(&a);
    return 0;
}
