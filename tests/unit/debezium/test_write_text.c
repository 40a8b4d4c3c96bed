/* SPDX-License-Identifier: Apache-2.0 */
/* The quick ways of the encoders beside the plain ones, on made-up values. */
#include "base/limits.h"
#include "debezium/write_type.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint32_t seed = 20260101;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* ---- strings ------------------------------------------------------------------------------------ */

/* What a text is put together from, and how it is written. */
static const struct {
    const char *raw;
    const char *escaped;
} pieces[] = {
    { "a", "a" },
    { "~", "~" },
    { " ", " " },
    { "\x7f", "\x7f" },
    { "plain text", "plain text" },
    { "\"", "\\\"" },
    { "\\", "\\\\" },
    { "\n", "\\n" },
    { "\b\f\r\t", "\\b\\f\\r\\t" },
    { "\x01", "\\u0001" },
    { "\x1f", "\\u001F" },
    { "\xC3\xA9", "\xC3\xA9" },
    { "\xE2\x82\xAC", "\xE2\x82\xAC" },
    { "\xF0\x9F\x98\x80", "\\uD83D\\uDE00" },
    { "\"k\": \"v\", ", "\\\"k\\\": \\\"v\\\", " },
};

/* The buffer has so much memory at first, so that it runs out at every place. */
static void expect_escaped(struct str raw, struct str escaped, size_t room)
{
    struct buf b;

    buf_init(&b, KIB);
    b.p = malloc(room);
    b.cap = room;
    debezium_json_escaped(&b, raw);
    assert_true(buf_ok(&b));
    assert_int_equal(buf_cstr(&b)[b.n], 0);
    if (!str_eq(buf_view(&b), escaped))
        fail_msg("got  %.*s\nwant %.*s", STR_ARG(buf_view(&b)), STR_ARG(escaped));
    buf_done(&b);
}

static void any_text_is_escaped_piece_by_piece(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct buf raw;
        struct buf escaped;
        uint32_t count = draw(12);
        /* Mostly plain, so that long runs come too. */
        uint32_t kinds = draw(2) == 0 ? 6 : sizeof pieces / sizeof pieces[0];

        buf_init(&raw, KIB);
        buf_init(&escaped, KIB);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t piece = draw(kinds);

            buf_text(&raw, pieces[piece].raw);
            buf_text(&escaped, pieces[piece].escaped);
        }
        /* Memory of its exact size, so that reading beyond it is seen. */
        char *exact = malloc(raw.n + 1);

        memcpy(exact, buf_cstr(&raw), raw.n);
        expect_escaped(str_make(exact, raw.n), buf_view(&escaped), 1 + draw(64));
        free(exact);
        buf_done(&raw);
        buf_done(&escaped);
    }
}

static void nothing_passes_the_ceiling(void **state)
{
    enum { LENGTH = 24 };

    (void)state;
    for (size_t quote = 0; quote < LENGTH; quote++) {
        for (size_t limit = 0; limit < LENGTH + 4; limit++) {
            char text[LENGTH + 1] = "0123456789ABCDEFGHIJKLMN";
            struct buf b;

            text[0] = '"'; /* so that there is memory when the other comes */
            text[quote] = '"';
            buf_init(&b, limit);
            debezium_json_escaped(&b, str_make(text, LENGTH));
            assert_int_equal(buf_ok(&b), limit >= LENGTH + (quote == 0 ? 1 : 2));
            assert_true(b.n <= limit);
            buf_done(&b);
        }
    }
}

/* ---- times -------------------------------------------------------------------------------------- */

static void expect_same_moment(const char *text, int32_t digits)
{
    const struct debezium_type type = { .digits = digits };
    const char *zones[] = { "+00", "+00:00" };
    struct buf out[2];
    const char *why;
    bool ok[2];

    for (size_t i = 0; i < 2; i++) {
        char whole[64];

        (void)snprintf(whole, sizeof whole, "%s%s", text, zones[i]);
        buf_init(&out[i], KIB);
        ok[i] = debezium_put_timestamptz(&type, str_from(whole), &out[i], &why);
    }
    if (ok[0] != ok[1] || (ok[0] && !str_eq(buf_view(&out[0]), buf_view(&out[1]))))
        fail_msg("%s, %d digits: %s %s", text, (int)digits, buf_cstr(&out[0]), buf_cstr(&out[1]));
    buf_done(&out[0]);
    buf_done(&out[1]);
}

static void a_moment_in_utc_is_as_it_would_be_reckoned(void **state)
{
    (void)state;
    expect_same_moment("2026-11-22 10:23:27", 0);
    expect_same_moment("2026-11-22 10:23:27", 6);
    expect_same_moment("2026-11-22 24:00:00", 0);
    expect_same_moment("2026-11-22 10:23:60", 0);
    expect_same_moment("2026-11-22 10:23:27.", 0);
    expect_same_moment("2026-11-22 10:23:27.0", 0);
    expect_same_moment("2026-11-22T10:23:27", 0);
    expect_same_moment("12026-11-22 10:23:27", 0);
    for (int round = 0; round < 200000; round++) {
        static const char digit[] = "0123456789";
        char text[] = "2026-11-22 10:23:27.123456";
        size_t n = 19 + draw(8);

        for (size_t i = 0; i < n; i++) {
            if (text[i] >= '0' && text[i] <= '9' && draw(3) == 0)
                text[i] = digit[draw(10)];
        }
        if (draw(20) == 0)
            text[draw((uint32_t)n)] = "/:9 "[draw(4)];
        text[n] = '\0';
        expect_same_moment(text, (int32_t)draw(8));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_text_is_escaped_piece_by_piece),
        cmocka_unit_test(nothing_passes_the_ceiling),
        cmocka_unit_test(a_moment_in_utc_is_as_it_would_be_reckoned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
