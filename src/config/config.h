/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

/*
 * pipeline.yaml -> checked structs. Every key is described once, in a table of struct config_key: the
 * same table parses, validates and documents (docs/configuration.md is generated from it).
 *
 * All faults of a file are collected and come at once, each with line, column and the nearest known
 * name; config_load fails as a whole when there is one. Parsing is offline: it opens nothing but the
 * file itself and the files of ${file:...} secrets.
 *
 * Values: scalars with ${env:NAME} and ${file:PATH} resolved; durations ("500ms", "10s", "5m", "2h",
 * "7d") as int64 milliseconds; sizes ("64KiB", "20GiB", "10MB") as uint64 bytes; both need a unit.
 * Everything lives in the config's own arena until config_free. One thread at load, then read-only
 * and shared.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- the file as a tree, with where each part stands --------------------------------------- */

enum config_kind { CONFIG_SCALAR, CONFIG_LIST, CONFIG_MAP };

struct config_node {
    enum config_kind kind;
    int line;                 /* from 1 */
    int column;               /* from 1, in characters */
    int end_line, end_column; /* just behind it */
    struct str text;          /* scalar: resolved text, terminated */
    bool quoted;              /* scalar written in quotes: never null, never a number by accident */
    bool secret;              /* came from ${...}: never shown */
    bool unresolved; /* has no usable text, which is a fault already: say no more about it */
    size_t count;    /* list and map */
    const struct config_node **keys; /* map: scalar nodes */
    const struct config_node **items;
    const struct config_node *key;    /* the key this value stands under; NULL for others */
    const struct config_node *parent; /* the list or map it stands in; NULL for the root */
};

/* The value of a map's key, or NULL. */
const struct config_node *config_get(const struct config_node *map, const char *name);
/* A scalar without quotes that YAML reads as nothing: empty, ~ or null. */
bool config_is_null(const struct config_node *node);
/* Where a node stands, for messages: "source.postgres.url", "sinks.events.redis". */
void config_node_path(const struct config_node *node, struct buf *b);

/* ---- faults ---------------------------------------------------------------------------------- */

struct config_report; /* collects faults; opaque */

/* Adds one fault at the node. ERR_STOP is implied; `code` one of 02xx. */
void config_fault(struct config_report *rep, const struct config_node *at, enum error_code code,
                  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* As config_fault, with "did you mean" (when one is near) and the list of known names behind it. */
void config_fault_name(struct config_report *rep, const struct config_node *at,
                       enum error_code code, const char *what, const char *const *known,
                       size_t known_count);
/* As config_fault, with a short note beside the caret, where there is room for what to do. */
void config_fault_note(struct config_report *rep, const struct config_node *at,
                       enum error_code code, const char *note, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* The value of this node is a secret that stands in the file itself: hide it in every line shown. */
void config_mask(struct config_report *rep, const struct config_node *node);
/* A warning: does not make the file invalid. */
void config_warning(struct config_report *rep, const struct config_node *at, enum error_code code,
                    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* For custom parsers: memory of the config. */
struct arena *config_report_arena(struct config_report *rep);

/* The nearest of the known names, for "did you mean"; NULL when none is near. */
const char *config_nearest(struct str name, const char *const *known, size_t known_count);

/* ---- the table of keys ----------------------------------------------------------------------- */

enum config_type {
    CONFIG_STRING,   /* const char * (terminated; NULL when absent and no default) */
    CONFIG_SECRET,   /* const char *; masked wherever shown */
    CONFIG_BOOL,     /* bool */
    CONFIG_INT,      /* int64_t, within min..max */
    CONFIG_DURATION, /* int64_t milliseconds, within min..max */
    CONFIG_SIZE,     /* uint64_t bytes, within min..max */
    CONFIG_CHOICE,   /* int: index into choices */
    CONFIG_STRINGS,  /* struct config_strings: a list of scalars, or one scalar */
    CONFIG_GROUP,    /* a nested map, described by group; fields at offset + their own offset */
    CONFIG_CUSTOM    /* parse() decides; field at offset */
};

struct config_strings {
    size_t count;
    const char *const *items;
    const struct config_node *const *nodes; /* where each stands, for later faults */
};

struct config_key {
    const char *name;
    enum config_type type;
    bool required;
    const char *fallback; /* default as the user would write it; NULL: zero, NULL or empty. CUSTOM:
                             only shown, parse() is not called for an absent key. STRINGS: "[a, b]" */
    size_t offset;        /* of the field in its struct */
    int64_t min, max;     /* INT, DURATION (ms), SIZE (bytes); both 0: any non-negative value */
    const char *const *choices;     /* CHOICE: terminated by NULL */
    const struct config_key *group; /* GROUP: its keys, terminated by a key without a name */
    void (*parse)(const struct config_node *node, void *field,
                  struct config_report *rep); /* CUSTOM */
    const char *help; /* one or two sentences, shown in docs; NULL: the key is not shown anywhere */
};

/* Fills `fields` from a map node: every key of the table, defaults, and a fault for each unknown,
 * missing or wrong one. The table ends with a key without a name. */
void config_parse_keys(const struct config_node *map, const struct config_key *keys, void *fields,
                       struct config_report *rep);

/* ---- the whole file --------------------------------------------------------------------------- */

/* A kind of sink as the configuration sees it; the sink room's registry gives the list. */
struct config_sink_type {
    const char *name;
    const char *help;
    const struct config_key *keys;
    size_t conf_size;
    /* Checks across keys, after all of them were parsed; may be NULL. */
    void (*check)(const void *conf, const struct config_node *map, struct config_report *rep);
};

/* What only rooms above know of a file's values. */
struct config_kinds {
    const struct config_sink_type *sinks;
    size_t sink_count;
    /* Can librdkafka be given this property? Else *ret_why says why not, without the value, and *ret_near
     * is the nearest known name, or NULL; both in `a`. NULL: not looked at. */
    bool (*kafka_property)(const char *name, const char *value, struct arena *a,
                           const char **ret_why, const char **ret_near);
};

enum config_snapshot { CONFIG_SNAPSHOT_INITIAL, CONFIG_SNAPSHOT_NEVER };

/* Without a url there is no source in the file: it comes over REST. */
struct config_source {
    const char *url;          /* postgres://..., without the password */
    const char *password;     /* NULL: none; secret */
    const char *url_password; /* as found in the url; `password` is what counts */
    const char *slot;
    const char *publication;
    struct config_strings tables; /* "schema.table"; names are matched exactly */
    int snapshot;                 /* enum config_snapshot */
    int64_t status_interval_ms;   /* at most this long between two status messages */
    const char *signal_table;     /* schema.table of the signals; NULL: none */
    int64_t incremental_chunk;    /* rows of a chunk of an incremental snapshot */
    const char *heartbeat_query;  /* NULL: none */
    int64_t heartbeat_ms;
    bool messages; /* take logical messages (pg_logical_emit_message) as well */
    const struct config_node *node;
};

enum config_when_full { CONFIG_FULL_STOP_CAPTURE, CONFIG_FULL_DROP_OLDEST };

/* What records in Kafka look like, as Debezium's options name it. This room knows only the words: each
 * int is the place of the word among the choices, in the order of debezium/format.h. */
struct config_format {
    int compat;          /* enum debezium_compat */
    const char *version; /* NULL: that of `compat` */
    const char *connector;
    bool unwrapped; /* the row alone instead of the envelope */
    bool schemas;   /* of values */
    bool key_schemas;
    int decimal, time, binary, hstore, interval;
    int overflow; /* enum debezium_overflow */
    int64_t money_digits;
    const char *placeholder;
    bool null_is_default;
    bool tombstones;
    int deletes; /* enum debezium_deletes */
    struct config_strings add_fields, add_headers;
    const char *fields_prefix, *headers_prefix;
    bool truncates;
    bool transactions;
    int64_t heartbeat_ms; /* 0: none */
    const char *heartbeat_prefix;
};

/* A property of librdkafka. */
struct config_property {
    const char *name;
    const char *value;
    bool secret; /* never shown */
};

enum config_create_topics { CONFIG_TOPICS_AUTO, CONFIG_TOPICS_NEVER };

struct config_kafka {
    struct config_strings broker_list;
    const char *brokers;      /* the same, joined by commas */
    const char *topic_prefix; /* topics are <topic_prefix>.<schema>.<table> */
    int64_t partitions;       /* of topics that are made */
    int64_t replication;      /* likewise; -1: as the broker does by default */
    int create_topics;        /* enum config_create_topics */
    const char *compression;  /* codec, as librdkafka names it */
    int64_t linger_ms;
    const struct config_property *properties;
    size_t property_count;
    const char *group;       /* consumer groups are <group>-<sink> */
    const char *state_topic; /* where capture keeps who it is and how far it has come */
    struct config_format format;
};

enum config_stream_kind { CONFIG_STREAM_LOG, CONFIG_STREAM_KAFKA };

/* With Kafka the log is there as well: what is captured waits in it until it is in Kafka. */
struct config_stream {
    int kind;          /* enum config_stream_kind */
    const char *dir;   /* data directory: log/, state.db, lock, socket */
    int64_t keep_ms;   /* segments that every sink is past are kept at least this long */
    uint64_t max_size; /* of the log, bytes */
    uint64_t segment;  /* bytes */
    int64_t safety_window_ms;
    int when_full;             /* enum config_when_full */
    struct config_kafka kafka; /* CONFIG_STREAM_KAFKA only */
    const struct config_node *node;
};

struct config_sink {
    const char *name;
    struct config_strings from;   /* tables; none: all that is in the topics */
    struct config_strings topics; /* none: those of the tables */
    const struct config_sink_type *type;
    void *conf; /* type->conf_size bytes */
    bool pause;
    int64_t park_max; /* parked records before the sink stops */
    int64_t retry_initial_ms;
    int64_t retry_max_ms;
    int64_t batch_rows;
    const struct config_node *node;
};

/* What a process does. With the log it is all or nothing; with Kafka the two halves may run apart, and then
 * the file needs only what its half uses: source.node is NULL, or sink_count 0, where the other is left out. */
enum config_role { CONFIG_ROLE_ALL, CONFIG_ROLE_CAPTURE, CONFIG_ROLE_DELIVER };

/* Where the connectors' REST API listens. */
struct config_control {
    const char *listen; /* HOST:PORT, or "off"; NULL: not given, and its default */
    const char *token;  /* NULL: none; secret */
    const char *cert;   /* files; NULL: no TLS */
    const char *key;
    const struct config_node *node;
};

struct config {
    const char *path;
    const char *name; /* of the pipeline */
    int role;         /* enum config_role; of a file without it, what its parts allow */
    struct config_source source;
    struct config_stream stream;
    struct config_control control;
    struct config_sink *sinks;
    size_t sink_count;
    struct arena arena;
    struct config_report *report;
};

/* Reads and checks a file. On failure `err` says how many faults there are (ERR_STOP, E_CONFIG_INVALID)
 * and *ret_text (if not NULL) holds the rendered faults; on success it holds the warnings, if any.
 * ret_text is initialised by the caller. */
bool config_load(const char *path, const struct config_kinds *kinds, struct config **ret_config,
                 struct buf *ret_text, struct error *err) MUST_CHECK;
/* The same for a text that was read already; `path` is only shown. */
bool config_load_text(const char *path, struct str text, const struct config_kinds *kinds,
                      struct config **ret_config, struct buf *ret_text,
                      struct error *err) MUST_CHECK;
void config_free(struct config *c);

/* Takes the password out of a postgres:// URL (NULL when there is none), decoded. False when it is not
 * of that form or its ports are not numbers. Results live in `a`. Pure. */
bool config_url_split(const char *url, struct arena *a, const char **ret_url,
                      const char **ret_password) MUST_CHECK;

/* "HOST:PORT" with the host in brackets when it is an IPv6 address; the host without them, in ret_host.
 * False when it is not of that form. Port 0 is allowed: any. Pure. */
bool config_listen_parse(const char *text, char *ret_host, size_t size,
                         uint16_t *ret_port) MUST_CHECK;
/* Is it an address that only this machine reaches? Pure. */
bool config_host_is_loopback(const char *host);

/* docs/configuration.md, from the tables. */
void config_write_manual(const struct config_kinds *kinds, struct buf *b);

#endif
