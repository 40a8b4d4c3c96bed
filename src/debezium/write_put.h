/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITE_PUT_H
#define DEBEZIUM_WRITE_PUT_H

/*
 * One value: PostgreSQL's text in, the JSON that Kafka Connect's JsonConverter writes for it out. Each
 * encoder appends to `out` and returns true, or returns false with a half-sentence in *ret_why; what it has
 * appended by then is the caller's to drop. Pure; any thread.
 */

#include "base/buf.h"

struct debezium_type;

typedef bool debezium_put(const struct debezium_type *type, struct str text, struct buf *out,
                          const char **ret_why);

/* ---- write_text.c ------------------------------------------------------------------------------- */

/* A JSON string with the quotes, escaped as Jackson does. Bytes that are not UTF-8 become U+FFFD. */
void debezium_json_string(struct buf *b, struct str s);
/* The same without the quotes. */
void debezium_json_escaped(struct buf *b, struct str s);
/* Standard alphabet with padding, or the one for URLs (with padding too, as Java's). */
void debezium_base64(struct buf *b, const unsigned char *bytes, size_t n, bool url);

debezium_put debezium_put_string;
debezium_put debezium_put_boolean;
debezium_put debezium_put_bytea;
debezium_put debezium_put_bytea_base64;
debezium_put debezium_put_bytea_base64_url;
debezium_put debezium_put_bytea_hex;
debezium_put debezium_put_bit;
debezium_put debezium_put_bits;

/* ---- write_number.c ----------------------------------------------------------------------------- */

debezium_put debezium_put_integer;
debezium_put debezium_put_float;  /* 32 bits */
debezium_put debezium_put_double; /* 64 bits */
debezium_put debezium_put_decimal;
debezium_put debezium_put_variable_decimal;
debezium_put debezium_put_decimal_string;
debezium_put debezium_put_decimal_double;
debezium_put debezium_put_money;
debezium_put debezium_put_money_string;
debezium_put debezium_put_money_double;
/* As Java's Double.toString and Float.toString write it, from PostgreSQL's shortest form. */
bool debezium_java_float(struct str text, bool single, struct buf *out);
/* The same of any decimal text, by its value; false when it is none. */
bool debezium_java_parse(struct str text, bool single, struct buf *out);
/* The same from a value. */
void debezium_java_double(double v, struct buf *out);

/* ---- write_time.c ------------------------------------------------------------------------------- */

debezium_put debezium_put_date;
debezium_put debezium_put_date_iso;
debezium_put debezium_put_time_millis;
debezium_put debezium_put_time_micros;
debezium_put debezium_put_time_nanos;
debezium_put debezium_put_time_iso;
debezium_put debezium_put_timetz;
debezium_put debezium_put_timestamp_millis;
debezium_put debezium_put_timestamp_micros;
debezium_put debezium_put_timestamp_nanos;
debezium_put debezium_put_timestamp_iso;
debezium_put debezium_put_timestamptz;

/* ---- write_interval.c --------------------------------------------------------------------------- */

debezium_put debezium_put_interval;
debezium_put debezium_put_interval_string;

/* ---- write_hstore.c, write_nested.c ----------------------------------------------------------------------------- */

debezium_put debezium_put_array;
debezium_put debezium_put_hstore_json;
debezium_put debezium_put_hstore_map;
debezium_put debezium_put_point;

#endif
