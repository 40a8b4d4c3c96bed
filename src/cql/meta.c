/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in rows: text as it is, int 4 bytes, uuid 16, inet 4 or 16 without a port; set<text> and
 * map<text, text> as count int, then length int and bytes for each part.
 */
#include "cql/meta.h"

#include "base/limits.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

enum { OPTIONS_MAX = CQL_RING_DCS_MAX + 2, PART_MIN = 4 };

static bool part(struct rd *r, struct str *ret_part)
{
    uint32_t n = rd_be32(r);

    *ret_part = rd_bytes(r, n);
    return rd_ok(r);
}

static bool get_text(const struct cql_rows *rows, size_t row, const char *column, struct arena *a,
                     const char **ret_text)
{
    struct str v = cql_rows_get(rows, row, column);

    if (v.p == NULL || v.n == 0)
        return false;
    *ret_text = arena_str(a, v).p;
    return true;
}

static bool get_id(const struct cql_rows *rows, size_t row, unsigned char id[CQL_META_ID])
{
    struct str v = cql_rows_get(rows, row, "host_id");

    if (v.p == NULL || v.n != CQL_META_ID)
        return false;
    memcpy(id, v.p, CQL_META_ID);
    return true;
}

static bool is_unspecified(struct str v)
{
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] != 0)
            return false;
    }
    return true;
}

static bool inet_text(struct str v, char text[CQL_META_ADDRESS])
{
    if (v.p == NULL || (v.n != 4 && v.n != 16))
        return false;
    return inet_ntop(v.n == 4 ? AF_INET : AF_INET6, v.p, text, CQL_META_ADDRESS) != NULL;
}

static bool get_int(const struct cql_rows *rows, size_t row, const char *column, int32_t *ret_value)
{
    struct str v = cql_rows_get(rows, row, column);
    struct rd r = rd_make(v);

    if (v.p == NULL || v.n != sizeof *ret_value)
        return false;
    *ret_value = (int32_t)rd_be32(&r);
    return true;
}

static bool get_tokens(const struct cql_rows *rows, size_t row, struct arena *a,
                       struct cql_meta_host *h)
{
    struct str v = cql_rows_get(rows, row, "tokens");
    struct rd r = rd_make(v);
    uint32_t count = rd_be32(&r);
    int64_t *tokens;

    if (v.p == NULL || !rd_ok(&r) || count > LIMIT_CQL_TOKENS || count > rd_left(&r) / PART_MIN)
        return false;
    tokens = arena_zalloc(a, count, sizeof *tokens);
    h->tokens = tokens;
    for (uint32_t i = 0; i < count; i++) {
        struct str text;

        if (!part(&r, &text))
            return false;
        /* Tokens of other partitioners are no such numbers; then there is no routing by token. */
        if (str_to_i64(text, &tokens[h->token_count]))
            h->token_count++;
    }
    return true;
}

static bool get_place(const struct cql_rows *rows, size_t row, struct arena *a,
                      struct cql_meta_host *h)
{
    return get_id(rows, row, h->id) && get_text(rows, row, "data_center", a, &h->dc) &&
           get_text(rows, row, "rack", a, &h->rack) && get_tokens(rows, row, a, h);
}

bool cql_meta_local(const struct cql_rows *rows, size_t row, const char *address, uint16_t port,
                    struct arena *a, struct cql_meta_host *ret_host)
{
    struct cql_meta_host h = { .port = port };

    if (!str_copy(str_from(address), h.address, sizeof h.address) || !get_place(rows, row, a, &h))
        return false;
    *ret_host = h;
    return true;
}

bool cql_meta_peer(const struct cql_rows *rows, size_t row, uint16_t port, struct arena *a,
                   struct cql_meta_host *ret_host)
{
    struct cql_meta_host h = { .port = port };
    struct str address = cql_rows_get(rows, row, "native_address");
    int32_t native_port;

    if (address.p == NULL)
        address = cql_rows_get(rows, row, "rpc_address");
    if (address.p == NULL)
        return false;
    if (is_unspecified(address))
        address = cql_rows_get(rows, row, "peer");
    if (get_int(rows, row, "native_port", &native_port) && native_port > 0 &&
        native_port <= UINT16_MAX)
        h.port = (uint16_t)native_port;
    if (!inet_text(address, h.address) || !get_place(rows, row, a, &h))
        return false;
    *ret_host = h;
    return true;
}

void cql_meta_replication(const struct cql_rows *rows, size_t row,
                          struct cql_ring_replication *ret_replication)
{
    struct str v = cql_rows_get(rows, row, "replication");
    struct rd r = rd_make(v);
    struct str keys[OPTIONS_MAX];
    struct str values[OPTIONS_MAX];
    uint32_t n = rd_be32(&r);
    uint32_t i = 0;

    while (i < n && i < OPTIONS_MAX && part(&r, &keys[i]) && part(&r, &values[i]))
        i++;
    /* What cannot be read is no strategy that is known: routing is then less direct. */
    cql_ring_replication_parse(keys, values, i == n && rd_ok(&r) ? n : 0, ret_replication);
}

/* ---- columns ---- */

static bool kind_of(struct str text, enum cql_column_kind *ret_kind)
{
    static const char *const names[] = { [CQL_PARTITION_KEY] = "partition_key",
                                         [CQL_CLUSTERING] = "clustering",
                                         [CQL_REGULAR] = "regular",
                                         [CQL_STATIC] = "static" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (str_is(text, names[i])) {
            *ret_kind = (enum cql_column_kind)i;
            return true;
        }
    }
    return false;
}

static int by_place(const void *x, const void *y)
{
    const struct cql_column *a = x;
    const struct cql_column *b = y;
    bool a_key = a->kind == CQL_PARTITION_KEY || a->kind == CQL_CLUSTERING;
    bool b_key = b->kind == CQL_PARTITION_KEY || b->kind == CQL_CLUSTERING;

    if (a_key != b_key)
        return a_key ? -1 : 1;
    if (a_key && a->kind != b->kind)
        return a->kind == CQL_PARTITION_KEY ? -1 : 1;
    if (a_key && a->position != b->position)
        return a->position < b->position ? -1 : 1;
    return strcmp(a->name, b->name);
}

bool cql_meta_columns(const struct cql_rows *rows, struct arena *a, struct cql_column **ret_columns)
{
    struct cql_column *columns = arena_zalloc(a, rows->row_count, sizeof *columns);

    for (size_t i = 0; i < rows->row_count; i++) {
        struct cql_column *c = &columns[i];
        int32_t position;

        if (!get_text(rows, i, "column_name", a, &c->name) ||
            !get_text(rows, i, "type", a, &c->type_text) ||
            !get_int(rows, i, "position", &position) ||
            !kind_of(cql_rows_get(rows, i, "kind"), &c->kind))
            return false;
        c->position = position;
        if (!cql_types_parse(str_from(c->type_text), a, &c->type))
            c->type = NULL;
    }
    qsort(columns, rows->row_count, sizeof *columns, by_place);
    *ret_columns = columns;
    return true;
}
