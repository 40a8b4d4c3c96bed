/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever the bytes are: refused with an error, or decoded into parts that lie within them. */
#include "postgres/pgoutput.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pgoutput_scratch scratch;

static void within(struct str part, struct str all)
{
    assert(part.n == 0 || (part.p >= all.p && part.p + part.n <= all.p + all.n));
}

static void check_row(const struct value *values, uint32_t count, struct str all)
{
    for (uint32_t i = 0; values != NULL && i < count; i++) {
        if (values[i].kind == VALUE_TEXT)
            within(values[i].text, all);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = str_make(data, size);
    struct pgoutput_msg m;
    struct error err;

    if (!pgoutput_decode(all, &scratch, &m, &err))
        return 0;
    switch (m.kind) {
    case PGOUTPUT_INSERT:
    case PGOUTPUT_UPDATE:
    case PGOUTPUT_DELETE:
        check_row(m.row.before, m.row.before_count, all);
        check_row(m.row.after, m.row.after_count, all);
        break;
    case PGOUTPUT_TRUNCATE:
        for (uint32_t i = 0; i < m.truncate.relation_count; i++)
            (void)pgoutput_truncate_oid(&m.truncate, i);
        break;
    case PGOUTPUT_RELATION:
        for (uint32_t i = 0; i < m.relation.column_count; i++)
            within(m.relation.columns[i].name, all);
        break;
    case PGOUTPUT_MESSAGE:
        within(m.message.content, all);
        break;
    case PGOUTPUT_BEGIN:
    case PGOUTPUT_COMMIT:
    case PGOUTPUT_ORIGIN:
    case PGOUTPUT_TYPE:
        break;
    }
    return 0;
}
