/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UnchangedToastedPlaceholder.java: text as it is; bytes of it for bytea; a list of its bytes for int4[], int8[]
 * and date[]; its version 3 UUID for uuid[]; a map of it to itself for hstore.
 */
#include "debezium/write_unavailable.h"

#include "debezium/write_md5.h"
#include "model/pgtype.h"

/* java.util.UUID.nameUUIDFromBytes: MD5 with version 3 and the IETF variant. */
static void put_uuid(struct str name, struct buf *b)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char sum[DEBEZIUM_MD5_BYTES];

    debezium_md5(name, sum);
    sum[6] = (sum[6] & 0x0f) | 0x30;
    sum[8] = (sum[8] & 0x3f) | 0x80;
    for (size_t i = 0; i < DEBEZIUM_MD5_BYTES; i++) {
        char digits[2] = { hex[sum[i] >> 4], hex[sum[i] & 15] };

        if (i == 4 || i == 6 || i == 8 || i == 10)
            buf_u8(b, '-');
        buf_put(b, digits, sizeof digits);
    }
}

static void put_array(const struct debezium_type *type, uint32_t element, struct str text,
                      struct buf *b)
{
    if ((element == PG_INT4 || element == PG_INT8 || element == PG_DATE) &&
        strcmp(type->item->connect, "string") != 0) {
        for (size_t i = 0; i < text.n; i++) {
            buf_u8(b, i == 0 ? '[' : ',');
            buf_dec(b, (signed char)text.p[i]);
        }
        buf_u8(b, ']');
    } else if (element == PG_UUID) {
        buf_text(b, "[\"");
        put_uuid(text, b);
        buf_text(b, "\"]");
    } else if (strcmp(type->item->connect, "string") == 0) {
        buf_u8(b, '[');
        debezium_json_string(b, text);
        buf_u8(b, ']');
    } else if (str_is(type->item->unavailable, "null")) {
        buf_text(b, "null");
    } else {
        buf_u8(b, '[');
        buf_str(b, type->item->unavailable);
        buf_u8(b, ']');
    }
}

static void put_hstore(bool map, struct str text, struct buf *b)
{
    struct buf inner;

    buf_init(&inner, SIZE_MAX / 2);
    buf_u8(&inner, '{');
    debezium_json_string(&inner, text);
    buf_u8(&inner, ':');
    debezium_json_string(&inner, text);
    buf_u8(&inner, '}');
    if (map)
        buf_str(b, buf_view(&inner));
    else
        debezium_json_string(b, buf_view(&inner));
    buf_done(&inner);
}

static void put_base64(struct str text, bool url, struct buf *b)
{
    buf_u8(b, '"');
    debezium_base64(b, (const unsigned char *)text.p, text.n, url);
    buf_u8(b, '"');
}

struct str debezium_unavailable(const struct debezium_format *f, const struct debezium_type *type,
                                uint32_t element, struct arena *a)
{
    struct str text = str_from(f->placeholder);
    struct buf b;
    struct str json;

    buf_init(&b, SIZE_MAX / 2);
    if (type->item != NULL)
        put_array(type, element, text, &b);
    else if (type->put == debezium_put_hstore_json || type->put == debezium_put_hstore_map)
        put_hstore(type->put == debezium_put_hstore_map, text, &b);
    else if (type->put == debezium_put_bytea || type->put == debezium_put_bytea_base64)
        put_base64(text, false, &b);
    else if (type->put == debezium_put_bytea_base64_url)
        put_base64(text, true, &b);
    else if (type->put == debezium_put_string || type->put == debezium_put_bytea_hex)
        debezium_json_string(&b, text);
    else
        buf_text(&b, "null");
    json = arena_str(a, buf_view(&b));
    buf_done(&b);
    return json;
}
