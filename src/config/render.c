/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finding as text:
 *
 *     error[E0203]: unknown sink type "casandra"
 *       --> pipeline.yaml:21:5
 *     21 |     casandra:
 *        |     ^^^^^^^^ did you mean "cassandra"?   (known: cassandra, http, redis, stdout)
 */
#include "config/report.h"
#include "config/window.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 100 };

static void put_spaces(struct buf *b, int n)
{
    while (n-- > 0)
        buf_text(b, " ");
}

static void put_gutter(struct buf *b, int digits, const char *mark)
{
    put_spaces(b, digits);
    buf_putf(b, " %s ", mark);
}

/* "(known: a, b)" beside the caret where it fits, else on lines of its own. */
static void put_known(const struct config_finding *f, size_t line_start, int digits, struct buf *b)
{
    const char *item = f->known;
    size_t column;

    if (b->n - line_start + strlen(f->known) + 13 <= WIDTH) {
        buf_putf(b, "%s(known: %s)\n", f->note != NULL ? "   " : " ", f->known);
        return;
    }
    buf_text(b, "\n");
    line_start = b->n;
    put_gutter(b, digits, "=");
    buf_text(b, "known:");
    while (*item != '\0') {
        size_t n = strcspn(item, " ");

        column = b->n - line_start;
        if (column + n + 1 > WIDTH) {
            buf_text(b, "\n");
            line_start = b->n;
            put_spaces(b, digits + 9);
        }
        buf_text(b, " ");
        buf_put(b, item, n);
        item += n;
        item += strspn(item, " ");
    }
    buf_text(b, "\n");
}

static void put_caret(const struct config_finding *f, const struct config_window *w, int digits,
                      struct buf *b)
{
    int from = f->at.column - w->first;
    int to = f->at.end_line > f->at.line ? w->count : f->at.end_column - w->first;
    size_t line_start = b->n;
    int width;

    put_gutter(b, digits, "|");
    from = from < w->count ? from : w->count;
    config_window_indent(w, from, b);
    width = config_window_width(w, to) - config_window_width(w, from);
    do
        buf_text(b, "^");
    while (--width > 0);
    if (f->note != NULL)
        buf_putf(b, " %s", f->note);
    if (f->known != NULL)
        put_known(f, line_start, digits, b);
    else
        buf_text(b, "\n");
}

static int digits_of(int n)
{
    int digits = 1;

    for (; n >= 10; n /= 10)
        digits++;
    return digits;
}

static void put_finding(const struct config_report *rep, const struct config_finding *f,
                        struct buf *b)
{
    struct config_window w;
    int digits = digits_of(f->at.line);

    buf_putf(b, "%s[E%04d]: %s\n", f->warning ? "warning" : "error", (int)f->code, f->message);
    if (f->at.line == 0) {
        buf_putf(b, "  --> %s\n", rep->path);
        return;
    }
    buf_putf(b, "  --> %s:%d:%d\n", rep->path, f->at.line, f->at.column);
    config_window_fill(rep, &f->at, &w);
    buf_putf(b, "%d | ", f->at.line);
    config_window_put(&w, b);
    buf_text(b, "\n");
    put_caret(f, &w, digits, b);
}

static int by_place(const void *left, const void *right)
{
    const struct config_finding *a = *(const struct config_finding *const *)left;
    const struct config_finding *b = *(const struct config_finding *const *)right;

    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    if (a->at.column != b->at.column)
        return a->at.column < b->at.column ? -1 : 1;
    return a < b ? -1 : 1; /* in the order they were found */
}

static void put_count(struct buf *b, size_t n, const char *what)
{
    buf_putf(b, "%zu %s%s", n, what, n == 1 ? "" : "s");
}

static void put_summary(const struct config_report *rep, const struct config_finding *first,
                        struct buf *b)
{
    assert(first != NULL);
    if (rep->error_count + rep->warning_count > rep->shown)
        buf_putf(b, "... and %zu more, not shown\n",
                 rep->error_count + rep->warning_count - rep->shown);
    if (rep->error_count > 0)
        put_count(b, rep->error_count, "error");
    if (rep->warning_count > 0) {
        buf_text(b, rep->error_count > 0 ? ", " : "");
        put_count(b, rep->warning_count, "warning");
    }
    buf_putf(b, " in %s. %sMore: multisink explain E%04d\n", rep->path,
             rep->error_count > 0 ? "Nothing was started. " : "", (int)first->code);
}

void config_render(const struct config_report *rep, struct buf *b)
{
    const struct config_finding *order[LIMIT_CONFIG_FAULTS];
    const struct config_finding *first = NULL;

    if (rep->shown == 0)
        return;
    for (size_t i = 0; i < rep->shown; i++)
        order[i] = &rep->findings[i];
    qsort(order, rep->shown, sizeof(struct config_finding *), by_place);
    for (size_t i = 0; i < rep->shown; i++) {
        put_finding(rep, order[i], b);
        if (first == NULL || (first->warning && !order[i]->warning))
            first = order[i];
    }
    put_summary(rep, first, b);
}
