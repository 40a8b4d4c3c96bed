/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/conn.h"
#include "postgres/pgoutput.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void quoted(void (*quote)(struct buf *, struct str), struct str in, const char *out)
{
    struct buf b;

    buf_init(&b, 1024);
    quote(&b, in);
    assert_string_equal(buf_cstr(&b), out);
    buf_done(&b);
}

static void quotes_in_identifiers_are_doubled(void **state)
{
    (void)state;
    quoted(postgres_quote_ident, STR("plain"), "\"plain\"");
    quoted(postgres_quote_ident, STR("we\"ird; DROP"), "\"we\"\"ird; DROP\"");
    quoted(postgres_quote_ident, STR("back\\slash"), "\"back\\slash\"");
}

static void literals_survive_quotes_and_backslashes(void **state)
{
    (void)state;
    quoted(postgres_quote_literal, STR("it's"), "'it''s'");
    quoted(postgres_quote_literal, STR("a\\'b"), "E'a\\\\''b'");
}

static void a_nul_byte_ends_the_text(void **state)
{
    (void)state;
    quoted(postgres_quote_ident, STR("a\0b"), "\"a\"");
}

static void options_quote_the_publication_twice(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8192);
    pgoutput_options(&b, 150000, "it's \"p\"", false);
    assert_string_equal(
        buf_cstr(&b),
        "(proto_version '1', publication_names '\"it''s \"\"p\"\"\"', messages 'false')");
    buf_done(&b);
}

static void options_ask_for_every_origin_where_it_can_be_asked(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8192);
    pgoutput_options(&b, 160000, "p", true);
    assert_non_null(strstr(buf_cstr(&b), "origin 'any'"));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_in_identifiers_are_doubled),
        cmocka_unit_test(literals_survive_quotes_and_backslashes),
        cmocka_unit_test(a_nul_byte_ends_the_text),
        cmocka_unit_test(options_quote_the_publication_twice),
        cmocka_unit_test(options_ask_for_every_origin_where_it_can_be_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
