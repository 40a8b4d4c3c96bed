/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records that are of no table: logical messages, transaction metadata, heartbeats. Their schemas are fixed.
 */
#include "base/mem.h"
#include "debezium/write_java.h"
#include "debezium/write_schema.h"
#include "debezium/writer_impl.h"

#include <stdlib.h>

enum { MESSAGE_PREFIX, MESSAGE_CONTENT };

/* ---- parts -------------------------------------------------------------------------------------- */

static void open_schema(struct buf *b, bool schemas)
{
    if (schemas)
        buf_text(b, "{\"schema\":{\"type\":\"struct\",\"fields\":[");
}

static void close_schema(struct buf *b, bool schemas, const char *name)
{
    if (!schemas)
        return;
    buf_text(b, "],\"optional\":false,\"name\":\"");
    buf_text(b, name);
    buf_text(b, "\",\"version\":1},\"payload\":");
}

static void close_record(struct buf *b, bool schemas)
{
    if (schemas)
        buf_u8(b, '}');
}

static struct str topic(struct debezium_writer *w, const char *before, const char *after)
{
    buf_clear(&w->topic);
    buf_text(&w->topic, before);
    buf_text(&w->topic, after);
    return str_from(buf_cstr(&w->topic));
}

static void start(struct debezium_writer *w, struct debezium_record *r, struct str name)
{
    buf_clear(&w->key);
    buf_clear(&w->value.bytes);
    w->value.opening = 0;
    r->topic = name;
    r->has_key = true;
    r->has_value = true;
    r->header_count = 0;
}

static void finish(const struct debezium_writer *w, struct debezium_record *r)
{
    r->key = buf_view(&w->key);
    r->value = buf_view(&w->value.bytes);
}

/* ---- logical messages ---------------------------------------------------------------------------- */

static void message_schema(const struct debezium_writer *w, const char *content, struct buf *b)
{
    enum debezium_compat compat = (enum debezium_compat)w->format.compat;

    debezium_schema_plain(b, "string", false, "op");
    buf_u8(b, ',');
    debezium_schema_plain(b, "int64", true, "ts_ms");
    buf_u8(b, ',');
    debezium_schema_source(b, compat);
    buf_u8(b, ',');
    if (compat != DEBEZIUM_2_5) {
        debezium_schema_transaction(b);
        buf_u8(b, ',');
    }
    buf_text(b, "{\"type\":\"struct\",\"fields\":[");
    debezium_schema_plain(b, "string", true, "prefix");
    buf_u8(b, ',');
    debezium_schema_plain(b, content, true, "content");
    buf_text(b, "],\"optional\":false,\"name\":\"io.debezium.connector.postgresql.Message\","
                "\"version\":1,\"field\":\"message\"}");
}

static bool put_content(const struct debezium_writer *w, struct str bytea, struct buf *b,
                        struct error *err)
{
    const char *why;
    bool ok;

    switch (w->format.binary) {
    case DEBEZIUM_BINARY_HEX:
        ok = debezium_put_bytea_hex(NULL, bytea, b, &why);
        break;
    case DEBEZIUM_BINARY_BASE64_URL_SAFE:
        ok = debezium_put_bytea_base64_url(NULL, bytea, b, &why);
        break;
    default:
        ok = debezium_put_bytea(NULL, bytea, b, &why);
    }
    return ok || error_set(err, ERR_REJECT, E_DEBEZIUM_VALUE,
                           "cannot write the content of a logical message: %s", why);
}

bool debezium_message(struct debezium_writer *w, const struct debezium_event *e,
                      struct debezium_record *r, struct error *err)
{
    const struct debezium_format *f = &w->format;
    struct str prefix = e->change->after[MESSAGE_PREFIX].text;
    struct buf *b = &w->value.bytes;

    start(w, r, topic(w, f->prefix, ".message"));
    open_schema(&w->key, f->key_schemas);
    if (f->key_schemas)
        debezium_schema_plain(&w->key, "string", true, "prefix");
    close_schema(&w->key, f->key_schemas, "io.debezium.connector.postgresql.MessageKey");
    buf_text(&w->key, "{\"prefix\":");
    debezium_json_string(&w->key, prefix);
    buf_u8(&w->key, '}');
    close_record(&w->key, f->key_schemas);

    open_schema(b, f->value_schemas);
    if (f->value_schemas)
        message_schema(w, f->binary == DEBEZIUM_BINARY_BYTES ? "bytes" : "string", b);
    close_schema(b, f->value_schemas, "io.debezium.connector.postgresql.MessageValue");
    buf_text(b, "{\"op\":\"m\",\"ts_ms\":");
    buf_dec(b, e->moment->now_us / 1000);
    debezium_part_source(w, e, b);
    if (f->compat != DEBEZIUM_2_5)
        debezium_part_transaction(w, e, b);
    buf_text(b, ",\"message\":{\"prefix\":");
    debezium_json_string(b, prefix);
    buf_text(b, ",\"content\":");
    if (!put_content(w, e->change->after[MESSAGE_CONTENT].text, b, err))
        return false;
    buf_text(b, "}}");
    close_record(b, f->value_schemas);
    finish(w, r);
    return debezium_headers(w, e, 0, false, err);
}

/* ---- transactions ------------------------------------------------------------------------------- */

static void put_transaction_id(struct buf *b, uint32_t xid, struct lsn lsn)
{
    buf_text(b, "\"id\":\"");
    buf_udec(b, xid);
    buf_u8(b, ':');
    buf_udec(b, lsn.v);
    buf_u8(b, '"');
}

static void transaction_schema(struct buf *b)
{
    debezium_schema_plain(b, "string", false, "status");
    buf_u8(b, ',');
    debezium_schema_plain(b, "string", false, "id");
    buf_u8(b, ',');
    debezium_schema_plain(b, "int64", true, "event_count");
    buf_text(b, ",{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":[");
    debezium_schema_plain(b, "string", false, "data_collection");
    buf_u8(b, ',');
    debezium_schema_plain(b, "int64", false, "event_count");
    buf_text(b, "],\"optional\":true,\"name\":\"event.collection\",\"version\":1},"
                "\"optional\":true,\"field\":\"data_collections\"},");
    debezium_schema_plain(b, "int64", false, "ts_ms");
}

static void start_transaction(struct debezium_writer *w, const char *status, uint32_t xid,
                              struct lsn lsn, struct debezium_record *r)
{
    const struct debezium_format *f = &w->format;

    start(w, r, topic(w, f->prefix, ".transaction"));
    open_schema(&w->key, f->key_schemas);
    if (f->key_schemas)
        debezium_schema_plain(&w->key, "string", false, "id");
    close_schema(&w->key, f->key_schemas, "io.debezium.connector.common.TransactionMetadataKey");
    buf_u8(&w->key, '{');
    put_transaction_id(&w->key, xid, lsn);
    buf_u8(&w->key, '}');
    close_record(&w->key, f->key_schemas);

    open_schema(&w->value.bytes, f->value_schemas);
    if (f->value_schemas)
        transaction_schema(&w->value.bytes);
    close_schema(&w->value.bytes, f->value_schemas,
                 "io.debezium.connector.common.TransactionMetadataValue");
    buf_text(&w->value.bytes, "{\"status\":\"");
    buf_text(&w->value.bytes, status);
    buf_text(&w->value.bytes, "\",");
    put_transaction_id(&w->value.bytes, xid, lsn);
}

static bool finish_transaction(struct debezium_writer *w, int64_t commit_time_us,
                               struct debezium_record *r, struct error *err)
{
    buf_text(&w->value.bytes, ",\"ts_ms\":");
    buf_dec(&w->value.bytes, commit_time_us / 1000);
    buf_u8(&w->value.bytes, '}');
    close_record(&w->value.bytes, w->format.value_schemas);
    if (!buf_ok(&w->value.bytes))
        return error_set(err, ERR_REJECT, E_DEBEZIUM_VALUE,
                         "cannot write the end of a transaction: it has too many tables");
    finish(w, r);
    return true;
}

bool debezium_write_begin(struct debezium_writer *w, uint32_t xid, struct lsn lsn,
                          int64_t commit_time_us, struct debezium_record *ret_record,
                          struct error *err)
{
    start_transaction(w, "BEGIN", xid, lsn, ret_record);
    buf_text(&w->value.bytes, ",\"event_count\":null,\"data_collections\":null");
    return finish_transaction(w, commit_time_us, ret_record, err);
}

struct placed {
    const struct debezium_collection *collection;
    uint32_t bucket;
};

static int placed_cmp(const void *a, const void *b)
{
    const struct placed *x = a;
    const struct placed *y = b;

    if (x->bucket != y->bucket)
        return x->bucket < y->bucket ? -1 : 1;
    return (x->collection > y->collection) - (x->collection < y->collection);
}

/* In the order of the map that the real one counts them in. */
static void put_collections(const struct debezium_collection *collections, size_t count,
                            struct buf *b)
{
    struct placed *placed = mem_zalloc(count + 1, sizeof *placed);

    for (size_t i = 0; i < count; i++) {
        struct debezium_java_hash hash = { 0 };

        debezium_java_hash_add(&hash, collections[i].name);
        placed[i] = (struct placed){ &collections[i], debezium_java_bucket(hash.v, count) };
    }
    qsort(placed, count, sizeof *placed, placed_cmp);
    for (size_t i = 0; i < count; i++) {
        buf_text(b, i > 0 ? ",{\"data_collection\":" : "{\"data_collection\":");
        debezium_json_string(b, placed[i].collection->name);
        buf_text(b, ",\"event_count\":");
        buf_udec(b, placed[i].collection->events);
        buf_u8(b, '}');
    }
    free(placed);
}

bool debezium_write_end(struct debezium_writer *w, uint32_t xid, struct lsn lsn,
                        int64_t commit_time_us, const struct debezium_collection *collections,
                        size_t count, struct debezium_record *ret_record, struct error *err)
{
    struct buf *b = &w->value.bytes;
    uint64_t events = 0;

    start_transaction(w, "END", xid, lsn, ret_record);
    for (size_t i = 0; i < count; i++)
        events += collections[i].events;
    buf_text(b, ",\"event_count\":");
    buf_udec(b, events);
    buf_text(b, ",\"data_collections\":[");
    put_collections(collections, count, b);
    buf_u8(b, ']');
    return finish_transaction(w, commit_time_us, ret_record, err);
}

/* ---- heartbeats --------------------------------------------------------------------------------- */

void debezium_write_heartbeat(struct debezium_writer *w, int64_t now_us,
                              struct debezium_record *ret_record)
{
    const struct debezium_format *f = &w->format;

    start(w, ret_record, topic(w, f->heartbeat_prefix, "."));
    buf_text(&w->topic, f->prefix);
    ret_record->topic = str_from(buf_cstr(&w->topic));
    open_schema(&w->key, f->key_schemas);
    if (f->key_schemas)
        debezium_schema_plain(&w->key, "string", false, "serverName");
    close_schema(&w->key, f->key_schemas, "io.debezium.connector.common.ServerNameKey");
    buf_text(&w->key, "{\"serverName\":");
    debezium_json_string(&w->key, str_from(f->prefix));
    buf_u8(&w->key, '}');
    close_record(&w->key, f->key_schemas);

    open_schema(&w->value.bytes, f->value_schemas);
    if (f->value_schemas)
        debezium_schema_plain(&w->value.bytes, "int64", false, "ts_ms");
    close_schema(&w->value.bytes, f->value_schemas, "io.debezium.connector.common.Heartbeat");
    buf_text(&w->value.bytes, "{\"ts_ms\":");
    buf_dec(&w->value.bytes, now_us / 1000);
    buf_u8(&w->value.bytes, '}');
    close_record(&w->value.bytes, f->value_schemas);
    finish(w, ret_record);
}
