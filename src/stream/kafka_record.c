/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/kafka_stream_private.h"

static bool bad(const char *name, struct error *err)
{
    return error_set(err, ERR_REJECT, E_DEBEZIUM_RECORD, "the header %s cannot be read", name);
}

/* "commit time in microseconds/xid" */
static bool read_commit(struct str text, struct kafka_facts *f)
{
    size_t n = str_find(text, '/');
    uint64_t xid;

    if (n >= text.n || !str_to_i64(str_make(text.p, n), &f->commit_time_us) ||
        !str_to_u64(str_make(text.p + n + 1, text.n - n - 1), &xid) || xid > UINT32_MAX)
        return false;
    f->xid = (uint32_t)xid;
    f->has_commit = true;
    return true;
}

static bool read_ours(const struct kafka_message_header *h, struct kafka_facts *f,
                      struct error *err)
{
    struct debezium_input *in = &f->input;

    if (str_is(h->name, "multisink.position")) {
        f->has_position = kafka_note_position(h->value, &f->position, &f->part);
        in->ours = f->has_position;
        return f->has_position || bad("multisink.position", err);
    }
    if (str_is(h->name, "multisink.wts")) {
        f->has_wts = str_to_i64(h->value, &f->wts);
        return f->has_wts || bad("multisink.wts", err);
    }
    if (str_is(h->name, "multisink.commit"))
        return read_commit(h->value, f) || bad("multisink.commit", err);
    if (str_is(h->name, "multisink.op"))
        in->op_header = h->value;
    if (str_is(h->name, "multisink.unchanged"))
        in->unchanged_header = h->value;
    if (str_is(h->name, "multisink.before"))
        in->before_header = h->value;
    return true;
}

bool kafka_record_facts(struct str topic, const struct kafka_message *record,
                        const struct kafka_message_header *headers, size_t header_count,
                        struct kafka_facts *ret_facts, struct error *err)
{
    struct kafka_facts *f = ret_facts;
    bool ok = true;

    f->has_position = false;
    f->has_wts = false;
    f->has_commit = false;
    f->input = (struct debezium_input){ .topic = topic,
                                        .has_key = record->has_key,
                                        .has_value = record->has_value,
                                        .key = record->key,
                                        .value = record->value,
                                        .timestamp_ms = record->timestamp_ms,
                                        .headers = f->headers };
    for (size_t i = 0; i < header_count && i < KAFKA_HEADERS_MAX; i++) {
        const struct kafka_message_header *h = &headers[i];

        f->headers[f->input.header_count++] = (struct debezium_input_header){ h->name, h->value };
        if (str_is(h->name, "__debezium.newkey") || str_is(h->name, "__debezium.oldkey"))
            f->input.key_moved = true;
        if (ok && !read_ours(h, f, err))
            ok = false;
    }
    return ok;
}

struct position kafka_record_position(struct str topic, int32_t partition, int64_t offset)
{
    uint64_t hash = str_hash(topic) * 31 + (uint64_t)partition * UINT64_C(0x9e3779b97f4a7c15);

    hash = str_hash(str_make(&hash, sizeof hash));
    return (struct position){ UINT32_C(0x80000000) | (uint32_t)(hash >> 33),
                              (uint32_t)hash,
                              { (uint64_t)offset + 1 } };
}
