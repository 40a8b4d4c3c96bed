/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_FORMAT_H
#define DEBEZIUM_FORMAT_H

/*
 * What a Debezium record looks like: the options of the connector, of JsonConverter and of
 * ExtractNewRecordState that change bytes, under Debezium's own names. Pure values; texts are borrowed
 * from the configuration.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum debezium_compat { DEBEZIUM_2_5, DEBEZIUM_3_3 };

enum debezium_decimal {
    DEBEZIUM_DECIMAL_PRECISE,
    DEBEZIUM_DECIMAL_DOUBLE,
    DEBEZIUM_DECIMAL_STRING
};

enum debezium_time {
    DEBEZIUM_TIME_ADAPTIVE,
    DEBEZIUM_TIME_ADAPTIVE_MICROSECONDS, /* adaptive_time_microseconds */
    DEBEZIUM_TIME_CONNECT,
    DEBEZIUM_TIME_ISOSTRING,    /* 3.3 only */
    DEBEZIUM_TIME_MICROSECONDS, /* 3.3 only */
    DEBEZIUM_TIME_NANOSECONDS   /* 3.3 only */
};

enum debezium_binary {
    DEBEZIUM_BINARY_BYTES,
    DEBEZIUM_BINARY_BASE64,
    DEBEZIUM_BINARY_BASE64_URL_SAFE,
    DEBEZIUM_BINARY_HEX
};

enum debezium_hstore { DEBEZIUM_HSTORE_JSON, DEBEZIUM_HSTORE_MAP };
enum debezium_interval { DEBEZIUM_INTERVAL_NUMERIC, DEBEZIUM_INTERVAL_STRING };

/* What a numeric or a time that the mode's target cannot hold becomes: refused (the record is parked),
 * or its text. Never a wrapped value. */
enum debezium_overflow { DEBEZIUM_OVERFLOW_REJECT, DEBEZIUM_OVERFLOW_TEXT };

/* What transforms.X makes of a delete and of the tombstone behind it. The properties that say so:
 *
 *                                delete.handling.mode (2.5 only) with     delete.tombstone.handling.mode
 *                                drop.tombstones=true   =false
 *   drop                         DROP_ALL (the default) TOMBSTONE         DROP_ALL
 *   rewrite                      REWRITE                REWRITE_WITH_...  REWRITE
 *   none                         NONE_ONLY              NONE
 *   tombstone                                                             NONE_ONLY (3.3's default)
 *   rewrite-with-tombstone                                                REWRITE_WITH_TOMBSTONE
 *   delete-to-tombstone                                                   TO_TOMBSTONE
 *
 * "None" is a record whose value is JSON's null, with a schema around it when schemas are on: not null itself. */
enum debezium_deletes {
    DEBEZIUM_DELETES_DROP_ALL,  /* 2.5's default: drop.tombstones=true, delete.handling.mode=drop */
    DEBEZIUM_DELETES_TOMBSTONE, /* the tombstone alone */
    DEBEZIUM_DELETES_REWRITE,
    DEBEZIUM_DELETES_REWRITE_WITH_TOMBSTONE,
    DEBEZIUM_DELETES_TO_TOMBSTONE, /* delete-to-tombstone: the delete becomes one, a tombstone is dropped */
    DEBEZIUM_DELETES_NONE,         /* the delete as a null value, and its tombstone behind it */
    DEBEZIUM_DELETES_NONE_ONLY /* the delete as a null value; tombstones dropped */
};

struct debezium_unwrap {
    bool on;     /* ExtractNewRecordState */
    int deletes; /* enum debezium_deletes */
    /* add.fields and add.headers as configured: "op", "table", "source.ts_ms", "op:operation"; NULL-terminated */
    const char *const *add_fields;
    const char *const *add_headers;
    const char *fields_prefix;  /* add.fields.prefix, "__" */
    const char *headers_prefix; /* add.headers.prefix, "__" */
};

struct debezium_format {
    int compat;           /* enum debezium_compat */
    const char *version;  /* source.version; NULL: "2.5.4.Final" or "3.3.1.Final" */
    const char *prefix;   /* topic.prefix: source.name and the first part of topics */
    const char *database; /* source.db */
    const char *
        connector; /* connectorName of 3.3's context headers; NULL: "postgresql", as the real one */
    bool key_schemas;   /* key.converter.schemas.enable */
    bool value_schemas; /* value.converter.schemas.enable */
    int decimal;        /* enum debezium_decimal, and so on */
    int time;
    int binary;
    int hstore;
    int interval;
    int overflow;
    int money_digits;             /* money.fraction.digits */
    const char *placeholder;      /* unavailable.value.placeholder */
    bool null_is_default;         /* replace.null.with.default=true was set by name */
    bool tombstones;              /* tombstones.on.delete */
    bool transactions;            /* provide.transaction.metadata */
    bool truncates;               /* skipped.operations lacks t */
    const char *heartbeat_prefix; /* topic.heartbeat.prefix */
    struct debezium_unwrap unwrap;
};

/* Debezium's defaults for that version, prefix and database. */
void debezium_format_init(struct debezium_format *f, enum debezium_compat compat,
                          const char *prefix, const char *database);

#endif
