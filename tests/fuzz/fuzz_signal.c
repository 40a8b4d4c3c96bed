/* SPDX-License-Identifier: Apache-2.0 */
/* A row of the signal table: the type, a zero byte, the data. Whoever may insert there may ask for anything; the answer is
 * a signal or a reason. */
#include "base/limits.h"
#include "pipeline/signal.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_make(data, size);
    size_t at = str_find(input, '\0');
    struct str type = str_make(input.p, at);
    struct str rest = at < size ? str_make(input.p + at + 1, size - at - 1) : STR_NONE;
    struct signal signal;
    struct error err = { 0 };
    struct arena a;

    arena_init(&a, LIMIT_ARENA);
    if (signal_parse(type, rest, &a, &signal, &err)) {
        (void)signal_names(signal.tables, signal.table_count, "public.engagement_events");
        (void)signal_filter(&signal, "public.engagement_events");
    } else {
        assert(err.kind == ERR_REJECT && err.msg[0] != '\0');
    }
    arena_done(&a);
    return 0;
}
