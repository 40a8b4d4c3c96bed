/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of stream.kafka.format. The choices stand in the order of the enums in debezium/format.h, which this
 * room may not see; a test of the sinks' room holds the two together. */
#include "config/pipeline.h"

#define DAY_MS ((int64_t)86400 * 1000)

static const char *const compats[] = { "2.5", "3.3", NULL };
static const char *const decimals[] = { "precise", "double", "string", NULL };
static const char *const times[] = {
    "adaptive", "adaptive_time_microseconds", "connect", "isostring", "microseconds", "nanoseconds",
    NULL
};
static const char *const binaries[] = { "bytes", "base64", "base64-url-safe", "hex", NULL };
static const char *const hstores[] = { "json", "map", NULL };
static const char *const intervals[] = { "numeric", "string", NULL };
static const char *const overflows[] = { "reject", "text", NULL };
static const char *const records[] = { "envelope", "unwrapped", NULL };
static const char *const deletes[] = {
    "drop", "drop-with-tombstone", "rewrite", "rewrite-with-tombstone", "delete-to-tombstone",
    "none", "tombstone",           NULL
};

enum { COMPAT_3_3 = 1, TIME_LAST_OF_2_5 = 2, DELETES_DROP = 0, DELETES_TOMBSTONE = 6 };

static void parse_record(const struct config_node *node, void *field, struct config_report *rep)
{
    const struct config_key key = { .name = "record", .type = CONFIG_CHOICE, .choices = records };
    int choice;

    if (config_parse_value(node, &key, &choice, rep))
        *(bool *)field = choice == 1;
}

#define FIELD(field) offsetof(struct config_format, field)

const struct config_key config_format_keys[] = {
    { .name = "compat",
      .type = CONFIG_CHOICE,
      .fallback = "2.5",
      .offset = FIELD(compat),
      .choices = compats,
      .help = "Which Debezium the records equal, byte for byte: 2.5.4.Final or 3.3.1.Final." },
    { .name = "version",
      .type = CONFIG_STRING,
      .offset = FIELD(version),
      .help = "The text in `source.version`. Default: that of the version they equal." },
    { .name = "record",
      .type = CONFIG_CUSTOM,
      .fallback = "envelope",
      .offset = FIELD(unwrapped),
      .parse = parse_record,
      .help =
          "`envelope`: before, after, source, op. `unwrapped`: the row alone, as the transformation "
          "ExtractNewRecordState leaves it." },
    { .name = "schemas",
      .type = CONFIG_BOOL,
      .fallback = "true",
      .offset = FIELD(schemas),
      .help = "Values carry their schema (`value.converter.schemas.enable`)." },
    { .name = "key_schemas",
      .type = CONFIG_BOOL,
      .offset = FIELD(key_schemas),
      .help = "Keys carry their schema (`key.converter.schemas.enable`). Default: as `schemas`." },
    { .name = "decimal",
      .type = CONFIG_CHOICE,
      .fallback = "precise",
      .offset = FIELD(decimal),
      .choices = decimals,
      .help = "`decimal.handling.mode`" },
    { .name = "time",
      .type = CONFIG_CHOICE,
      .fallback = "adaptive",
      .offset = FIELD(time),
      .choices = times,
      .help = "`time.precision.mode`; the last three with `compat: \"3.3\"` only." },
    { .name = "binary",
      .type = CONFIG_CHOICE,
      .fallback = "bytes",
      .offset = FIELD(binary),
      .choices = binaries,
      .help = "`binary.handling.mode`" },
    { .name = "hstore",
      .type = CONFIG_CHOICE,
      .fallback = "json",
      .offset = FIELD(hstore),
      .choices = hstores,
      .help = "`hstore.handling.mode`" },
    { .name = "interval",
      .type = CONFIG_CHOICE,
      .fallback = "numeric",
      .offset = FIELD(interval),
      .choices = intervals,
      .help = "`interval.handling.mode`" },
    { .name = "overflow",
      .type = CONFIG_CHOICE,
      .fallback = "reject",
      .offset = FIELD(overflow),
      .choices = overflows,
      .help =
          "What becomes of a value that its mode cannot hold (NaN as a decimal, a time beyond 64 bits): "
          "`reject` parks the record, `text` writes PostgreSQL's text." },
    { .name = "money_digits",
      .type = CONFIG_INT,
      .fallback = "2",
      .offset = FIELD(money_digits),
      .max = 18,
      .help = "`money.fraction.digits`" },
    { .name = "placeholder",
      .type = CONFIG_STRING,
      .fallback = "__debezium_unavailable_value",
      .offset = FIELD(placeholder),
      .help =
          "`unavailable.value.placeholder`: what stands for an unchanged value that PostgreSQL does not "
          "send." },
    { .name = "null_is_default",
      .type = CONFIG_BOOL,
      .fallback = "false",
      .offset = FIELD(null_is_default),
      .help =
          "Connect's `replace.null.with.default`: a NULL in a column with a default is written as the "
          "default. Here only by wish." },
    { .name = "tombstones",
      .type = CONFIG_BOOL,
      .fallback = "true",
      .offset = FIELD(tombstones),
      .help = "`tombstones.on.delete`: a record without a value behind each delete." },
    { .name = "deletes",
      .type = CONFIG_CHOICE,
      .offset = FIELD(deletes),
      .choices = deletes,
      .help =
          "What an unwrapped delete becomes: `delete.tombstone.handling.mode` (`drop`, `tombstone`, "
          "`rewrite`, `rewrite-with-tombstone`, `delete-to-tombstone`), or what the older pair of "
          "properties can say besides: `drop-with-tombstone`, and `none`, which is `tombstone` with "
          "the tombstone kept behind it. As with Debezium, `tombstone` is JSON's null; a record "
          "without a value is `delete-to-tombstone`. Default: `drop` with 2.5, `tombstone` with "
          "3.3." },
    { .name = "add_fields",
      .type = CONFIG_STRINGS,
      .offset = FIELD(add_fields),
      .help = "`add.fields` of unwrapped records, for example `[op, table, source.ts_ms]`." },
    { .name = "add_headers",
      .type = CONFIG_STRINGS,
      .offset = FIELD(add_headers),
      .help = "`add.headers` of unwrapped records." },
    { .name = "fields_prefix",
      .type = CONFIG_STRING,
      .fallback = "__",
      .offset = FIELD(fields_prefix),
      .help = "`add.fields.prefix`" },
    { .name = "headers_prefix",
      .type = CONFIG_STRING,
      .fallback = "__",
      .offset = FIELD(headers_prefix),
      .help = "`add.headers.prefix`" },
    { .name = "truncates",
      .type = CONFIG_BOOL,
      .fallback = "false",
      .offset = FIELD(truncates),
      .help = "Truncates are records, too (`skipped.operations` without `t`)." },
    { .name = "transactions",
      .type = CONFIG_BOOL,
      .fallback = "false",
      .offset = FIELD(transactions),
      .help =
          "`provide.transaction.metadata`: a transaction block in each record, and begin and end in "
          "`<topic_prefix>.transaction`." },
    { .name = "heartbeat",
      .type = CONFIG_DURATION,
      .fallback = "0s",
      .offset = FIELD(heartbeat_ms),
      .max = DAY_MS,
      .help = "`heartbeat.interval.ms`; 0s: none." },
    { .name = "heartbeat_prefix",
      .type = CONFIG_STRING,
      .fallback = "__debezium-heartbeat",
      .offset = FIELD(heartbeat_prefix),
      .help = "`topic.heartbeat.prefix`" },
    { .name = "connector",
      .type = CONFIG_STRING,
      .offset = FIELD(connector),
      .help = "The connector's name in 3.3's headers. Default: the topics' prefix." },
    { .name = NULL },
};

void config_check_format(struct config_format *f, const struct config_node *map,
                         struct config_report *rep)
{
    if (config_get(map, "key_schemas") == NULL)
        f->key_schemas = f->schemas;
    if (config_get(map, "deletes") == NULL)
        f->deletes = f->compat == COMPAT_3_3 ? DELETES_TOMBSTONE : DELETES_DROP;
    if (f->compat != COMPAT_3_3 && f->time > TIME_LAST_OF_2_5)
        config_fault(rep, config_get(map, "time"), E_CONFIG_CHOICE,
                     "\"time\" cannot be \"%s\" with compat \"2.5\", which does not have it",
                     times[f->time]);
}
