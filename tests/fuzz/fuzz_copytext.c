/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte is the number of columns, the rest the line. */
#include "postgres/copytext.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct value values[256];
    struct error err;
    char *line;

    if (size == 0)
        return 0;
    line = malloc(size);
    assert(line != NULL);
    memcpy(line, data + 1, size - 1);
    if (postgres_copytext(line, size - 1, data[0], values, &err)) {
        for (unsigned i = 0; i < data[0]; i++)
            assert(values[i].kind != VALUE_TEXT ||
                   (values[i].text.p >= line && values[i].text.p + values[i].text.n < line + size));
    }
    free(line);
    return 0;
}
