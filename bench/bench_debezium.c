/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast rows become Debezium's records: bench_debezium [ROWS]. The table of a click stream (bigint, two
 * uuid, text, timestamptz, int, text, jsonb), envelope and unwrapped, with schemas and without.
 */
#include "base/clock.h"
#include "debezium/writer.h"
#include "model/pgtype.h"

#include <stdio.h>
#include <stdlib.h>

enum { COLUMNS = 8 };

static const struct {
    const char *name;
    uint32_t oid;
    const char *type;
    const char *value;
} table[COLUMNS] = {
    { "id", PG_INT8, "bigint", "123456789" },
    { "content_id", PG_UUID, "uuid", "4bb775ea-96f5-4ffa-80be-22e3b1c94570" },
    { "user_id", PG_UUID, "uuid", "123e4567-e89b-12d3-a456-426614174000" },
    { "event_type", PG_TEXT, "text", "play" },
    { "event_ts", PG_TIMESTAMPTZ, "timestamp with time zone", "2026-11-22 10:23:27.123456+00" },
    { "duration_ms", PG_INT4, "integer", "7000" },
    { "device", PG_TEXT, "text", "android" },
    { "raw_payload", PG_JSONB, "jsonb", "{\"volume\": 11, \"app\": \"player\", \"ok\": true}" },
};

static void run(const char *name, bool unwrap, bool schemas, const struct change *c, uint64_t rows)
{
    static struct debezium_records records;
    struct debezium_format f;
    struct debezium_moment m = { .now_us = 1600000000000000, .last_commit = { 1 << 20 } };
    struct debezium_writer *w;
    struct error err = { 0 };
    int64_t start_us;
    double took;

    debezium_format_init(&f, DEBEZIUM_2_5, "engagement_project", "engagement_db");
    f.key_schemas = schemas;
    f.value_schemas = schemas;
    f.unwrap.on = unwrap;
    w = debezium_writer_new(&f);
    start_us = clock_mono_us(&clock_system);
    for (uint64_t i = 0; i < rows; i++) {
        if (!debezium_write(w, c, &m, &records, &err)) {
            (void)fprintf(stderr, "bench_debezium: %s\n", err.msg);
            exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
        }
    }
    took = (double)(clock_mono_us(&clock_system) - start_us) / 1e6;
    (void)printf("%-24s %9.0f rows/s  %6.3f us/row  %zu bytes\n", name, (double)rows / took,
                 took * 1e6 / (double)rows, records.items[0].value.n);
    debezium_writer_free(w);
}

int main(int argc, char **argv)
{
    struct column columns[COLUMNS] = { 0 };
    struct value values[COLUMNS];
    struct relation rel = { .version = 1,
                            .oid = 20000,
                            .schema = STR("public"),
                            .table = STR("engagement_events"),
                            .identity = RELATION_IDENTITY_DEFAULT,
                            .column_count = COLUMNS,
                            .columns = columns };
    struct change c = { .op = CHANGE_INSERT,
                        .commit_time_us = 1500000000123456,
                        .lsn = { 24023128 },
                        .xid = 555,
                        .rel = &rel,
                        .after = values };
    uint64_t rows = 1000000;

    if (argc > 1 && !str_to_u64(str_from(argv[1]), &rows)) {
        (void)fprintf(stderr, "usage: bench_debezium [ROWS]\n");
        return 2;
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        columns[i].name = str_from(table[i].name);
        columns[i].type_oid = table[i].oid;
        columns[i].typmod = -1;
        columns[i].type_name = str_from(table[i].type);
        columns[i].type_kind = 'b';
        values[i] = (struct value){ VALUE_TEXT, str_from(table[i].value) };
    }
    columns[0].primary_key = true;
    columns[0].not_null = true;
    columns[0].identity = true;
    columns[0].key_order = 1;
    run("envelope, schemas", false, true, &c, rows);
    run("envelope, bare", false, false, &c, rows);
    run("unwrapped, schemas", true, true, &c, rows);
    run("unwrapped, bare", true, false, &c, rows);
    return 0;
}
