/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/faults.h"

#include "cli/cli.h"

#define RED    "\033[1;31m"
#define YELLOW "\033[1;33m"
#define PLAIN  "\033[0m"

/* The colour of a line's first word: only the heads of faults have one. */
static const char *color_of(struct str line)
{
    if (str_starts(line, STR("error[")))
        return RED;
    return str_starts(line, STR("warning[")) ? YELLOW : NULL;
}

void cli_show_faults(FILE *to, const struct buf *text)
{
    struct str left = buf_view(text);
    bool color = cli_color(fileno(to));

    while (left.n > 0) {
        size_t n = str_find(left, '\n');
        struct str line = str_make(left.p, n < left.n ? n + 1 : n);
        const char *paint = color ? color_of(line) : NULL;
        size_t head = paint != NULL ? str_find(line, ':') : 0;

        if (head > 0)
            (void)fprintf(to, "%s%.*s%s", paint, (int)head, line.p, PLAIN);
        (void)fwrite(line.p + head, 1, line.n - head, to);
        left.p += line.n;
        left.n -= line.n;
    }
}
