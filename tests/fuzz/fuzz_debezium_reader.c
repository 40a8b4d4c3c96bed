/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a topic holds, a record is read or refused with a reason, and what is read is a change that the rest of
 * the program can take: as many values as columns, in memory that is there.
 * Input: records with 0x1E between them, key and value with 0x1F; a key or value that is empty is none. */
#include "base/limits.h"
#include "debezium/reader.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t sum; /* every byte is looked at */

static void look_at(const struct relation *rel, const struct value *row)
{
    for (uint32_t i = 0; row != NULL && i < rel->column_count; i++) {
        assert(row[i].kind == VALUE_NULL || row[i].kind == VALUE_UNCHANGED ||
               row[i].kind == VALUE_TEXT);
        for (size_t k = 0; row[i].kind == VALUE_TEXT && k < row[i].text.n; k++)
            sum += (unsigned char)row[i].text.p[k];
    }
}

static void look_at_change(const struct change *c)
{
    assert(c->rel != NULL && c->rel->column_count <= LIMIT_PG_COLUMNS);
    assert((c->before != NULL) == (c->before_kind != CHANGE_BEFORE_NONE));
    assert((c->after != NULL) == (c->op != CHANGE_DELETE && c->op != CHANGE_TRUNCATE));
    for (uint32_t i = 0; i < c->rel->column_count; i++)
        sum += c->rel->columns[i].name.n + (unsigned char)c->rel->columns[i].name.p[0];
    look_at(c->rel, c->before);
    look_at(c->rel, c->after);
}

static void read_one(struct debezium_reader *r, struct str record, struct arena *a)
{
    size_t at = str_find(record, 0x1F);
    struct debezium_input in = { .topic = STR("p.s.t"), .key = str_make(record.p, at) };
    enum debezium_kind kind;
    struct change c;
    struct error err = { 0 };

    if (at < record.n)
        in.value = str_make(record.p + at + 1, record.n - at - 1);
    in.has_key = in.key.n > 0;
    in.has_value = in.value.n > 0;
    if (!debezium_read(r, &in, a, &kind, &c, &err))
        assert(err.kind == ERR_REJECT && err.msg[0] != '\0');
    else if (kind == DEBEZIUM_CHANGE)
        look_at_change(&c);
    arena_reset(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct debezium_reader_opts opts = { .schema = "s", .table = "t" };
    struct debezium_reader *r = debezium_reader_new(&opts);
    struct str left = str_make(data, size);
    struct arena a;

    arena_init(&a, LIMIT_ARENA);
    while (left.n > 0) {
        size_t end = str_find(left, 0x1E);

        read_one(r, str_make(left.p, end), &a);
        end += end < left.n ? 1 : 0;
        left = str_make(left.p + end, left.n - end);
    }
    arena_done(&a);
    debezium_reader_free(r);
    return 0;
}
