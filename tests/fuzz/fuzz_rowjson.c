/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a value's text is, and whatever type it claims to be, the row is valid JSON on one line.
 * Input: a byte that picks the type, then the text; the first 0x1E ends it and starts the next column. */
#include "base/json.h"
#include "base/limits.h"
#include "model/pgtype.h"
#include "process/rowjson.h"

#include <assert.h>

enum { COLUMNS = 8 };

static const uint32_t types[] = { PG_BOOL,      PG_BYTEA,       PG_INT8,    PG_TEXT,
                                  PG_JSON,      PG_FLOAT8,      PG_NUMERIC, PG_JSONB,
                                  PG_TIMESTAMP, PG_TIMESTAMPTZ, PG_UUID };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct column columns[COLUMNS] = { 0 };
    struct value row[COLUMNS] = { 0 };
    struct relation rel = {
        .version = 1, .schema = STR("s"), .table = STR("t"), .columns = columns
    };
    struct change c = { .rel = &rel, .op = CHANGE_UPDATE, .before_kind = CHANGE_BEFORE_KEY };
    struct str left = str_make(data, size);
    struct buf b;

    while (left.n > 0 && rel.column_count < COLUMNS) {
        struct column *col = &columns[rel.column_count];
        uint8_t pick = (uint8_t)left.p[0];
        size_t end = str_find(left, 0x1E);

        col->type_oid = types[pick % (sizeof types / sizeof types[0])];
        col->element_oid = pick >= 128 ? col->type_oid : 0;
        col->identity = (pick & 64) != 0;
        row[rel.column_count].kind = (pick & 63) == 63 ? VALUE_UNCHANGED : VALUE_TEXT;
        row[rel.column_count].text = str_make(left.p + 1, end > 0 ? end - 1 : 0);
        col->name = str_make(left.p, end < 3 ? end : 3);
        rel.column_count++;
        end += end < left.n ? 1 : 0;
        left = str_make(left.p + end, left.n - end);
    }
    c.before = row;
    c.after = row;
    buf_init(&b, 64 * MIB);
    rowjson_change(&c, &b);
    assert(buf_ok(&b));
    assert(json_is_valid(buf_view(&b)));
    assert(memchr(b.p, '\n', b.n) == NULL && memchr(b.p, '\r', b.n) == NULL);
    buf_done(&b);
    return 0;
}
