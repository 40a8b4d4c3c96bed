/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every record that the real Debezium wrote for the recorded changes, byte for byte, in each of the recorded
 * configurations. What may differ stands below under the name that docs/kafka.md has for it: there the real one
 * loses or corrupts a value.
 */
#include "unit/debezium/recording.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct recording_difference allowed[] = {
    { "zoo.odd_types", "co", "D9", 0 },
    { "zoo.odd_types", "lsn", "D9", 0 },
    { "zoo.odd_types", "rc", "D9", 0 },
    { "zoo.odd_types", "rt", "D9", 0 },
    { "zoo.odd_types", "sn", "D9", 0 },
    { "zoo.odd_types", "ti", "D9", 0 },
    { "zoo.odd_types", "x", "D9", 0 },
    { "zoo.odd_types", "x8", "D9", 0 },
    { "zoo.shapes", "b", "D9", 0 },
    { "zoo.shapes", "ci", "D9", 0 },
    { "zoo.shapes", "cu", "D9", 0 },
    { "zoo.shapes", "l", "D9", 0 },
    { "zoo.shapes", "pa", "D9", 0 },
    { "zoo.shapes", "po", "D9", 0 },
    { "zoo.shapes", "s", "D9", 0 },
    { "zoo.shapes", "se", "D9", 0 },
    { "zoo.nets", "ean13", "D9", 0 },
    { "zoo.nets", "isbn13", "D9", 0 },
    { "zoo.nets", "ismn", "D9", 0 },
    { "zoo.nets", "issn", "D9", 0 },
    { "zoo.nets", "upc", "D9", 0 },
    { "zoo.numbers", "x", "D9", 0 },
    { "zoo.ranges", "f", "D9", 0 },
    { "zoo.ranges", "mi", "D9", 0 },
    { "zoo.ranges", "mts", "D9", 0 },
    { "zoo.texts", "jp", "D9", 0 },
    { "zoo.texts", "lq", "D9", 0 },
    { "zoo.texts", "n", "D9", 0 },
    { "zoo.texts", "tsq", "D9", 0 },
    { "zoo.texts", "tsv", "D9", 0 },
    { "zoo.toast", "po", "D9", 0 },
    { "zoo.computed", "us", "D9", 0 },
    { "zoo.more_arrays", "co", "D9", 0 },
    { "zoo.more_arrays", "ds", "D9", 0 },
    { "zoo.more_arrays", "iv", "D9", 0 },
    { "zoo.more_arrays", "mo", "D9", 0 },
    { "zoo.more_arrays", "na", "D9", 0 },
    { "zoo.more_arrays", "p", "D9", 0 },
    { "zoo.more_arrays", "tsv", "D9", 0 },
    { "zoo.more_arrays", "vb", "D9", 0 },
    { "zoo.more_arrays", "x", "D9", 0 },
    { "zoo.more_arrays", "bi", "D16", 0 },
    { "zoo.more_arrays", "lt", "D16", 0 },
    { "zoo.arrays", "e", "D16", 0 },
    { "zoo.arrays", "ti3", "D16", 0 },
    { "zoo.defaults", "*", "D1", 0 },
    { "zoo.ident_full", "d", "D1", 0 },
    { "zoo.computed", "t", "D1", 0 },
    { "zoo.computed", "e8", "D1", 0 },
    { "zoo.computed", "inf", "D1", 0 },
    { "zoo.computed", "cast_text", "D1", 0 },
    { "zoo.quoted_defaults", "col", "D1", 0 },
    { "zoo.quoted_defaults", "par", "D1", 0 },
    { "zoo.quoted_defaults", "com", "D1", 0 },
    { "zoo.quoted_defaults", "dbl", "D1", 0 },
    { "zoo.toast", "dflt", "D1", 0 },
    { "zoo.ddl", "c", "D1", 0 },
    { "zoo.born", "d", "D1", 0 },
    { "zoo.reborn", "d", "D1", 0 },
    { "zoo.odd_numbers", "neg", "D2", 0 },
    { "zoo.far_times", "refused", "D3", 0 },
    { "zoo.times", "refused", "D3", 0 },
    { "zoo.infinite_times", "refused", "D3", 0 },
    { "zoo.toast", "refused", "D3", 0 },
    { "zoo.special_numbers", "refused", "D13", 0 },
    { "zoo.names_utf8", "naïve", "D4", 0 },
    { "zoo.names_utf8", "naￃﾯve", "D4", 0 },
    { "zoo.names_utf8", "ünï", "D4", 0 },
    { "zoo.names_utf8", "ￃﾼnￃﾯ", "D4", 0 },
    { "zoo.straße", "*", "D4", 0 },
    { "zoo.ident_index", "split", "D6", 0 },
    { "zoo.ident_index", "before", "D6", 0 },
    { "zoo.ident_index", "headers", "D6", 0 },
    { "zoo.nested_arrays", "i", "D7", 0 },
    { "zoo.nested_arrays", "t", "D7", 0 },
    { "zoo.quoted_defaults", "q", "D8", 0 },
    { "zoo.quoted_defaults", "bs", "D8", 0 },
    { "zoo.toast", "ca", "D15", 0 },
    { "zoo.toast", "ea", "D15", 0 },
    { "zoo.toast", "ina", "D15", 0 },
    { "zoo.toast", "tia", "D15", 0 },
    { "zoo.toast", "by", "D15", 0 },
    { "zoo.toast", "ba", "D15", 0 },
    { "zoo.toast", "da", "D15", 0 },
    { "zoo.infinite_times", "d", "D20", 0 },
    { "zoo.infinite_times", "ts", "D20", 0 },
    { "zoo.infinite_times", "ts3", "D20", 0 },
    { "zoo.arrays", "d", "D20", 0 },
    { "zoo.arrays", "tsz", "D20", 0 },
    { "zoo.computed", "dinf", "D20", 0 },
    { "zoo.key_included", "v", "D21", 0 },
    { "zoo.arrays", "ti", "D22", 0 },
    { "zoo.arrays", "tiz", "D22", 0 },
    { "zoo.bits", "v1", "D23", 0 },
    { "zoo.times", "tz", "D24", 0 },
    { "zoo.times", "t", "D24", 0 },
    { "zoo.times", "t3", "D24", 0 },
    { "zoo.key_types", "headers", "D25", 0 },
    { "zoo.numbers", "m", "D26", 0 },
    { "zoo.numbers", "f4", "F1", 0 },
    { "zoo.toast", "tsza", "D15", 0 },
    { "zoo.toast", "na", "D15", 0 },
    { "zoo.toast", "tsa", "D15", 0 },
    { "zoo.ident_index", "op", "D6", 0 },
    { "zoo.ident_index", "id", "D6", 0 },
    { "zoo.ident_index", "u", "D6", 0 },
    { "zoo.ident_index", "ts_us", "D6", 0 },
    { "zoo.ident_index", "ts_ms", "D6", 0 },
    { "zoo.ident_index", "transaction", "D6", 0 },
    { "zoo.ident_index", "__op", "D6", 0 },
    { "zoo.ident_index", "cdc_operation", "D6", 0 },
    { "zoo.ident_index", "cdc_transaction_total_order", "D6", 0 },
    { "transaction", "event_count", "D6", 0 },
    { "transaction", "data_collections", "D6", 0 },
    { NULL, NULL, NULL, 0 },
};

static void expect_equal(struct recording *r)
{
    r->allowed = allowed;
    recording_play(r);
    print_message("%s: %zu records\n", r->name, r->records);
    assert_true(r->records > 100);
    assert_int_equal(r->differences, 0);
}

static struct recording start(const char *name, enum debezium_compat compat)
{
    struct recording r = { .name = name, .nulls = true };

    debezium_format_init(&r.format, compat, name, "zoo");
    r.format.truncates = true;
    return r;
}

static enum debezium_compat compat_of(const char *name)
{
    return strcmp(name + strlen(name) - 2, "25") == 0 ? DEBEZIUM_2_5 : DEBEZIUM_3_3;
}

static void the_defaults(void **state)
{
    static const char *const names[] = { "envelope-25", "envelope-33" };

    for (size_t i = 0; i < 2; i++) {
        struct recording r = start(names[i], compat_of(names[i]));

        r.nulls = false;
        expect_equal(&r);
    }
    (void)state;
}

static void nulls_are_kept(void **state)
{
    static const char *const names[] = { "nulls-25", "nulls-33" };

    for (size_t i = 0; i < 2; i++) {
        struct recording r = start(names[i], compat_of(names[i]));

        expect_equal(&r);
    }
    (void)state;
}

static void without_schemas_and_with_transactions(void **state)
{
    static const char *const names[] = { "bare-25", "bare-33" };

    for (size_t i = 0; i < 2; i++) {
        struct recording r = start(names[i], compat_of(names[i]));

        r.format.key_schemas = false;
        r.format.value_schemas = false;
        r.format.transactions = true;
        expect_equal(&r);
    }
    (void)state;
}

static void unwrapped_as_the_seed_has_it(void **state)
{
    static const char *const names[] = { "seed-25", "seed-33" };

    for (size_t i = 0; i < 2; i++) {
        struct recording r = start(names[i], compat_of(names[i]));

        r.nulls = false;
        r.format.truncates = false;
        r.format.unwrap.on = true;
        expect_equal(&r);
    }
    (void)state;
}

static void rewritten_deletes_with_fields_and_headers(void **state)
{
    static const char *const names[] = { "rewrite-25", "rewrite-33" };
    static const char *const fields[] = { "op",           "table",           "lsn",
                                          "source.ts_ms", "source.txId:xid", NULL };
    static const char *const headers[] = { "op", "db", "source.schema:s", NULL };

    for (size_t i = 0; i < 2; i++) {
        struct recording r = start(names[i], compat_of(names[i]));

        r.format.truncates = false;
        r.format.unwrap.on = true;
        r.format.unwrap.deletes = DEBEZIUM_DELETES_REWRITE;
        r.format.unwrap.add_fields = fields;
        r.format.unwrap.add_headers = headers;
        r.format.unwrap.headers_prefix = "h.";
        expect_equal(&r);
    }
    (void)state;
}

/* delete.handling.mode and drop.tombstones are unknown to 3.3, which then has its default. */
static void the_older_pair_of_properties(void **state)
{
    static const char *const names[] = { "rewrite_old-25", "rewrite_old-33" };
    static const char *const fields[] = { "op:operation", "lsn", "transaction.id",
                                          "transaction.total_order", NULL };

    for (size_t i = 0; i < 2; i++) {
        struct recording r = start(names[i], compat_of(names[i]));

        r.format.key_schemas = false;
        r.format.value_schemas = false;
        r.format.transactions = true;
        r.format.truncates = false;
        r.format.unwrap.on = true;
        if (r.format.compat == DEBEZIUM_2_5)
            r.format.unwrap.deletes = DEBEZIUM_DELETES_REWRITE_WITH_TOMBSTONE;
        r.format.unwrap.add_fields = fields;
        r.format.unwrap.fields_prefix = "cdc_";
        expect_equal(&r);
    }
    (void)state;
}

static void numbers_as_strings_and_times_as_connects(void **state)
{
    static const char *const names[] = { "strings-25", "strings-33" };

    for (size_t i = 0; i < 2; i++) {
        struct recording r = start(names[i], compat_of(names[i]));

        r.partial = true;
        r.format.decimal = DEBEZIUM_DECIMAL_STRING;
        r.format.time = DEBEZIUM_TIME_CONNECT;
        r.format.binary = DEBEZIUM_BINARY_BASE64;
        r.format.hstore = DEBEZIUM_HSTORE_MAP;
        r.format.interval = DEBEZIUM_INTERVAL_STRING;
        r.format.tombstones = false;
        expect_equal(&r);
    }
    (void)state;
}

static void numbers_as_doubles_and_bytes_as_hex(void **state)
{
    static const char *const names[] = { "doubles-25", "doubles-33" };

    for (size_t i = 0; i < 2; i++) {
        struct recording r = start(names[i], compat_of(names[i]));

        r.partial = true;
        r.format.decimal = DEBEZIUM_DECIMAL_DOUBLE;
        r.format.time = DEBEZIUM_TIME_ADAPTIVE_MICROSECONDS;
        r.format.binary = DEBEZIUM_BINARY_HEX;
        r.format.hstore = DEBEZIUM_HSTORE_MAP;
        r.format.money_digits = 4;
        r.format.placeholder = "n/a";
        expect_equal(&r);
    }
    (void)state;
}

static void bytes_as_base64_for_urls(void **state)
{
    static const char *const names[] = { "urlsafe-25", "urlsafe-33" };

    for (size_t i = 0; i < 2; i++) {
        struct recording r = start(names[i], compat_of(names[i]));

        r.partial = true;
        r.format.decimal = DEBEZIUM_DECIMAL_STRING;
        r.format.binary = DEBEZIUM_BINARY_BASE64_URL_SAFE;
        expect_equal(&r);
    }
    (void)state;
}

static void the_times_of_3_3(void **state)
{
    static const char *const names[] = { "iso-33", "micros-33", "nanos-33" };
    static const enum debezium_time times[] = { DEBEZIUM_TIME_ISOSTRING, DEBEZIUM_TIME_MICROSECONDS,
                                                DEBEZIUM_TIME_NANOSECONDS };

    for (size_t i = 0; i < 3; i++) {
        struct recording r = start(names[i], DEBEZIUM_3_3);

        r.partial = true;
        r.format.time = (int)times[i];
        expect_equal(&r);
    }
    (void)state;
}

static void every_allowed_difference_is_still_there(void **state)
{
    (void)state;
    for (struct recording_difference *d = allowed; d->table != NULL; d++) {
        if (d->seen == 0)
            fail_msg("%s: no difference in %s of %s", d->name, d->column, d->table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults),
        cmocka_unit_test(nulls_are_kept),
        cmocka_unit_test(without_schemas_and_with_transactions),
        cmocka_unit_test(unwrapped_as_the_seed_has_it),
        cmocka_unit_test(rewritten_deletes_with_fields_and_headers),
        cmocka_unit_test(the_older_pair_of_properties),
        cmocka_unit_test(numbers_as_strings_and_times_as_connects),
        cmocka_unit_test(numbers_as_doubles_and_bytes_as_hex),
        cmocka_unit_test(bytes_as_base64_for_urls),
        cmocka_unit_test(the_times_of_3_3),
        cmocka_unit_test(every_allowed_difference_is_still_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
