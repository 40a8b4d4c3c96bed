/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/pipeline/fixture.h"

#include "base/limits.h"
#include "pipeline/claim.h"

static struct claim sample(void)
{
    return (struct claim){ .term = 4,
                           .writer = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
                           .host = "db \"one\"",
                           .source = { .epoch = 3,
                                       .system_id = UINT64_MAX - 7,
                                       .timeline = 2,
                                       .database = "shop",
                                       .slot = "cdc_slot",
                                       .phase = CHECKPOINT_STREAMING,
                                       .slot_txns = 12 },
                           .position = { 3, 0, { 0x16B3748 } },
                           .wts = 1700000000000001 };
}

static void what_was_put_is_read_back_the_same(void **state)
{
    struct claim in = sample();
    struct claim out;
    struct error err;
    struct buf b;

    (void)state;
    buf_init(&b, KIB);
    claim_put(&in, &b);
    assert_ok(claim_parse(buf_view(&b), &out, &err), err);
    assert_int_equal(out.term, 4);
    assert_string_equal(out.writer, in.writer);
    assert_string_equal(out.host, in.host);
    assert_string_equal(out.source.database, in.source.database);
    assert_string_equal(out.source.slot, in.source.slot);
    assert_true(out.source.system_id == in.source.system_id);
    assert_int_equal(out.source.epoch, 3);
    assert_int_equal(out.source.timeline, 2);
    assert_int_equal(out.source.phase, CHECKPOINT_STREAMING);
    assert_int_equal(out.source.slot_txns, 12);
    assert_int_equal(position_cmp(out.position, in.position), 0);
    assert_true(out.wts == in.wts);
    buf_done(&b);
}

/* Each is the sample with one thing spoilt. */
static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const spoilt[][2] = {
        { "\"term\":4", "\"term\":null" },
        { "\"epoch\":3", "\"epoch\":0" },
        { "\"epoch\":3", "\"epoch\":4294967296" },
        { "\"epoch\":3", "\"epoch\":\"3\"" },
        { "\"wts\":1", "\"wts\":-1" },
        { "\"streaming\"", "\"dreaming\"" },
        { "\"3/0/16B3748/0\"", "\"3/0/16B3748\"" },
        { "\"writer\":\"6f9619ff", "\"writer\":\"6f9619ff6f9619ff" },
        { "\"writer\":\"6f9619ff-8b86-4d01-b42d-00cf4fc964ff\"", "\"writer\":\"\"" },
        { "\"slot\":", "\"slut\":" },
        { "{", "" },
    };
    struct claim in = sample();
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
        struct claim out;
        struct buf whole;
        struct buf b;
        char *at;

        buf_init(&whole, KIB);
        buf_init(&b, KIB);
        claim_put(&in, &whole);
        at = strstr(buf_cstr(&whole), spoilt[i][0]);
        assert_non_null(at);
        buf_str(&b, str_make(whole.p, (size_t)(at - whole.p)));
        buf_text(&b, spoilt[i][1]);
        buf_text(&b, at + strlen(spoilt[i][0]));
        assert_code(claim_parse(buf_view(&b), &out, &err), err, E_WRITER_STATE);
        buf_done(&b);
        buf_done(&whole);
    }
    assert_code(claim_parse(STR_NONE, &in, &err), err, E_WRITER_STATE);
    assert_code(claim_parse(STR("[]"), &in, &err), err, E_WRITER_STATE);
}

static void a_name_that_is_not_known_is_passed_over(void **state)
{
    struct claim in = sample();
    struct claim out;
    struct error err;
    struct buf b;

    (void)state;
    buf_init(&b, KIB);
    claim_put(&in, &b);
    b.n--;
    buf_text(&b, ",\"more\":[1,{}]}");
    assert_ok(claim_parse(buf_view(&b), &out, &err), err);
    assert_string_equal(out.writer, in.writer);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_read_back_the_same),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(a_name_that_is_not_known_is_passed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
