/* SPDX-License-Identifier: Apache-2.0 */
/* Any text compiles or is refused with a place inside it; what compiles renders or is a reject. */
#include "base/limits.h"
#include "process/template.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct column columns[] = { { .name = { "id", 2 }, .identity = true },
                                             { .name = { "a", 1 } } };
    static const struct relation rel = { .schema = { "s", 1 },
                                         .table = { "t", 1 },
                                         .identity = RELATION_IDENTITY_DEFAULT,
                                         .column_count = 2,
                                         .columns = columns };
    static const struct value row[] = { { VALUE_TEXT, { "1", 1 } }, { VALUE_NULL, { NULL, 0 } } };
    const struct change c = { .op = CHANGE_INSERT, .rel = &rel, .after = row };
    const struct template *t = NULL;
    struct error err = { 0 };
    struct arena a;
    struct buf b;
    size_t at = 0;

    arena_init(&a, 64 * MIB);
    buf_init(&b, MIB);
    if (template_compile(str_make(data, n), &a, &t, &at, &err)) {
        (void)template_missing(t, &rel);
        (void)template_old_unknown(t, &rel, true);
        if (!template_render(t, &c, &b, &err) && (err.kind != ERR_REJECT || b.n != 0))
            abort();
    } else if (at >= n || err.kind != ERR_STOP) {
        abort();
    }
    buf_done(&b);
    arena_done(&a);
    return 0;
}
