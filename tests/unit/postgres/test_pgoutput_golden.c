/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages captured from a real server (scripts/golden-pgoutput.py): tests/golden/pgoutput/NAME.hex has
 * one per line, NAME.txt what they mean. MULTISINK_REGENERATE=1 writes the .txt anew.
 */
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "postgres/pgoutput.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct pgoutput_scratch scratch;

static void put_row(struct buf *b, const char *name, const struct value *values, uint32_t count)
{
    buf_putf(b, " %s(", name);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buf_text(b, ", ");
        if (values[i].kind == VALUE_TEXT && values[i].text.n > 100)
            buf_putf(b, "<%zu bytes>", values[i].text.n);
        else if (values[i].kind == VALUE_TEXT)
            json_string(b, values[i].text);
        else
            buf_text(b, values[i].kind == VALUE_NULL ? "NULL" : "unchanged");
    }
    buf_text(b, ")");
}

static void put_relation(struct buf *b, const struct pgoutput_relation *r)
{
    buf_putf(b, " %.*s.%.*s identity %c:", STR_ARG(r->schema), STR_ARG(r->table), r->identity);
    for (uint32_t i = 0; i < r->column_count; i++)
        buf_putf(b, " %.*s%s/%d", STR_ARG(r->columns[i].name), r->columns[i].identity ? "*" : "",
                 r->columns[i].typmod);
}

/* OIDs, LSNs, xids and times differ from run to run and are left out. */
static void put_msg(struct buf *b, const struct pgoutput_msg *m)
{
    buf_u8(b, (uint8_t)m->kind);
    switch (m->kind) {
    case PGOUTPUT_RELATION:
        put_relation(b, &m->relation);
        break;
    case PGOUTPUT_TYPE:
        buf_putf(b, " %.*s.%.*s", STR_ARG(m->type.schema), STR_ARG(m->type.name));
        break;
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE:
        if (m->row.before != NULL)
            put_row(b, m->row.before_kind == CHANGE_BEFORE_FULL ? "old" : "key", m->row.before,
                    m->row.before_count);
        if (m->row.after != NULL)
            put_row(b, "new", m->row.after, m->row.after_count);
        break;
    case PGOUTPUT_TRUNCATE:
        buf_putf(b, " flags %u, %u tables", m->truncate.flags, m->truncate.relation_count);
        break;
    case PGOUTPUT_MESSAGE:
        buf_putf(b, " %d %.*s %.*s", m->message.transactional, STR_ARG(m->message.prefix),
                 STR_ARG(m->message.content));
        break;
    case PGOUTPUT_BEGIN:
    case PGOUTPUT_COMMIT:
    case PGOUTPUT_ORIGIN:
        break;
    }
    buf_text(b, "\n");
}

static void from_hex(struct str line, struct buf *bytes)
{
    buf_clear(bytes);
    for (size_t i = 0; i + 1 < line.n; i += 2) {
        uint64_t byte = 0;

        assert_true(str_to_hex64(str_make(line.p + i, 2), &byte));
        buf_u8(bytes, (uint8_t)byte);
    }
}

/* Every shorter form of a good message is refused, and read within its bounds (under ASan). */
static void refuse_prefixes(struct str bytes)
{
    size_t step = bytes.n > 300 ? bytes.n / 300 : 1;

    for (size_t n = 0; n < bytes.n; n += step) {
        char *cut = malloc(n + 1);
        struct pgoutput_msg m;
        struct error err;

        assert_non_null(cut);
        memcpy(cut, bytes.p, n);
        assert_false(pgoutput_decode(str_make(cut, n), &scratch, &m, &err));
        free(cut);
    }
}

static void render(struct str hex, struct buf *out)
{
    struct buf bytes;

    buf_init(&bytes, LIMIT_PG_MESSAGE);
    while (hex.n > 0) {
        size_t end = str_find(hex, '\n');
        struct pgoutput_msg m;
        struct error err = { 0 };

        from_hex(str_make(hex.p, end), &bytes);
        refuse_prefixes(buf_view(&bytes));
        if (!pgoutput_decode(buf_view(&bytes), &scratch, &m, &err))
            fail_msg("%s", err.msg);
        put_msg(out, &m);
        end += end < hex.n ? 1 : 0;
        hex = str_make(hex.p + end, hex.n - end);
    }
    buf_done(&bytes);
}

static const char *path(const char *name, const char *end)
{
    static char text[2][1024];
    static int turn;
    const char *root = getenv("MULTISINK_SOURCE_DIR");

    turn = !turn;
    (void)snprintf(text[turn], sizeof text[turn], "%s/tests/golden/pgoutput/%s%s",
                   root != NULL ? root : ".", name, end);
    return text[turn];
}

static void check(void **state)
{
    const char *name = *state;
    struct error err = { 0 };
    struct str hex = STR_NONE;
    struct str want = STR_NONE;
    struct buf out;

    buf_init(&out, MIB);
    assert_true(file_read_all(path(name, ".hex"), MIB, &hex, &err));
    render(hex, &out);
    if (getenv("MULTISINK_REGENERATE") != NULL) {
        FILE *f = fopen(path(name, ".txt"), "w");

        assert_non_null(f);
        assert_int_equal(fwrite(out.p, 1, out.n, f), out.n);
        assert_int_equal(fclose(f), 0);
    }
    assert_true(file_read_all(path(name, ".txt"), MIB, &want, &err));
    assert_string_equal(buf_cstr(&out), want.p);
    free((void *)(uintptr_t)hex.p);
    free((void *)(uintptr_t)want.p);
    buf_done(&out);
}

#define GOLDEN(file)                                                                               \
    {                                                                                              \
        "pgoutput_of_" file "_means_what_it_says", check, NULL, NULL, (void *)(uintptr_t)file      \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        GOLDEN("operations"), GOLDEN("identities"), GOLDEN("toast"),  GOLDEN("keys"),
        GOLDEN("truncate"),   GOLDEN("shapes"),     GOLDEN("leaves"), GOLDEN("root"),
        GOLDEN("values"),     GOLDEN("messages"),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
