/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_READING_H
#define TESTS_READING_H

/* What the tests of the reader share: a reader, an arena, and one record read at a time. */

#include "base/limits.h"
#include "debezium/reader.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct reading {
    struct debezium_reader *r;
    struct arena a;
    struct debezium_input in;
    enum debezium_kind kind;
    struct change c;
    struct error err;
};

static inline int reading_set_up(void **state)
{
    static struct reading t;
    static const struct debezium_reader_opts opts = { .schema = "public", .table = "t" };

    t = (struct reading){ .r = debezium_reader_new(&opts) };
    arena_init(&t.a, LIMIT_ARENA);
    *state = &t;
    return 0;
}

static inline int reading_tear_down(void **state)
{
    struct reading *t = *state;

    debezium_reader_free(t->r);
    arena_done(&t->a);
    return 0;
}

/* NULL: none. What else stands in t->in stays. */
static inline bool reading_read(struct reading *t, const char *key, const char *value)
{
    t->in.topic = STR("p.public.t");
    t->in.has_key = key != NULL;
    t->in.key = key != NULL ? str_from(key) : STR_NONE;
    t->in.has_value = value != NULL;
    t->in.value = value != NULL ? str_from(value) : STR_NONE;
    error_clear(&t->err);
    return debezium_read(t->r, &t->in, &t->a, &t->kind, &t->c, &t->err);
}

static inline void reading_change(struct reading *t, const char *key, const char *value)
{
    if (!reading_read(t, key, value))
        fail_msg("%s", t->err.msg);
    assert_int_equal(t->kind, DEBEZIUM_CHANGE);
}

static inline void reading_nothing(struct reading *t, const char *key, const char *value)
{
    if (!reading_read(t, key, value))
        fail_msg("%s", t->err.msg);
    assert_int_equal(t->kind, DEBEZIUM_NOTHING);
}

/* Refused, with these words somewhere in the message. */
static inline void reading_rejects(struct reading *t, const char *key, const char *value,
                                   const char *words)
{
    assert_false(reading_read(t, key, value));
    assert_int_equal(t->err.kind, ERR_REJECT);
    assert_true(error_is(&t->err, E_DEBEZIUM_RECORD));
    if (strstr(t->err.msg, words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", t->err.msg, words);
}

static inline const struct column *reading_column(const struct reading *t, const char *name)
{
    uint32_t i = relation_column(t->c.rel, str_from(name));

    assert_true(i < t->c.rel->column_count);
    return &t->c.rel->columns[i];
}

/* `text` NULL: null; "(unchanged)". */
static inline void reading_expect(const struct reading *t, const struct value *row,
                                  const char *name, const char *text)
{
    uint32_t i = relation_column(t->c.rel, str_from(name));

    assert_non_null(row);
    assert_true(i < t->c.rel->column_count);
    if (text == NULL) {
        assert_int_equal(row[i].kind, VALUE_NULL);
    } else if (str_is(STR("(unchanged)"), text)) {
        assert_int_equal(row[i].kind, VALUE_UNCHANGED);
    } else {
        assert_int_equal(row[i].kind, VALUE_TEXT);
        if (!str_is(row[i].text, text))
            fail_msg("%s: \"%.*s\" is not \"%s\"", name, STR_ARG(row[i].text), text);
    }
}

#endif
