/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A finding as text:
 *
 *     error[E0203]: unknown sink type "casandra"
 *       --> pipeline.yaml:21:5
 *     21 |     casandra:
 *        |     ^^^^^^^^ did you mean "cassandra"?   (known: cassandra, http, redis, stdout)
 *
 * A source line may hold a secret. It is shown through a window of columns, in which every column that
 * may belong to one is hidden; however long it is, it is shown as "***".
 */
#include "config/report.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 100, BEFORE_CARET = 60, WIDTH = 100 };

/* The part of a source line that is shown: one entry per column. */
struct window {
    struct str line;
    int first; /* column of the first entry, from 1 */
    int count;
    struct str chars[WINDOW];
    bool hidden[WINDOW];
    bool cut; /* the line goes on behind it */
};

static size_t char_size(struct str s, size_t at)
{
    size_t n = 1;

    if ((unsigned char)s.p[at] < 0xC0)
        return 1;
    while (at + n < s.n && ((unsigned char)s.p[at + n] & 0xC0) == 0x80)
        n++;
    return n;
}

/* Length of the line end at `at`, 0 when there is none: those of YAML 1.1. */
static size_t line_end_size(struct str s, size_t at)
{
    struct str rest = str_make(s.p + at, s.n - at);

    if (str_starts(rest, STR("\r\n")) || str_starts(rest, STR("\xC2\x85")))
        return 2;
    if (str_starts(rest, STR("\xE2\x80\xA8")) || str_starts(rest, STR("\xE2\x80\xA9")))
        return 3;
    return rest.n > 0 && (rest.p[0] == '\n' || rest.p[0] == '\r') ? 1 : 0;
}

static struct str find_line(struct str source, int line)
{
    size_t start = 0, at = 0, n;

    for (int number = 1; at < source.n; at += n) {
        n = line_end_size(source, at);
        if (n == 0) {
            n = 1;
            continue;
        }
        if (number++ == line)
            return str_make(source.p + start, at - start);
        start = at + n;
    }
    return str_make(source.p + start, source.n - start);
}

/* ---- what is hidden ----------------------------------------------------------------------------- */

static bool in_mask(const struct config_report *rep, int line, int column)
{
    for (size_t i = 0; i < rep->mask_count; i++) {
        const struct config_span *m = &rep->masks[i];

        if ((line > m->line || (line == m->line && column >= m->column)) &&
            (line < m->end_line || (line == m->end_line && column < m->end_column)))
            return true;
    }
    return false;
}

static bool ends_value(char c)
{
    return c == ' ' || c == '\t' || c == '"' || c == '\'' || c == ',';
}

/* Bytes before the ":" of "user:password", which is not one within "${env:...}". */
static size_t user_size(struct str s)
{
    size_t i = 0;

    while (i < s.n && s.p[i] != ':') {
        if (str_starts(str_make(s.p + i, s.n - i), STR("${")))
            i += str_find(str_make(s.p + i, s.n - i), '}');
        i += i < s.n ? 1 : 0;
    }
    return i;
}

/* Hides what stands between the ":" of "//user:" and the last "@" of every URL in the line; the last,
 * as a password may hold one itself. */
static void hide_url_passwords(struct window *w)
{
    const char *end = w->line.p + w->line.n;
    const char *p = w->line.p;

    while (p < end && (p = memmem(p, (size_t)(end - p), "://", 3)) != NULL) {
        const char *from = p += 3, *at = NULL;

        for (; p < end && !ends_value(*p); p++)
            at = *p == '@' ? p : at;
        if (at == NULL)
            continue;
        from += user_size(str_make(from, (size_t)(at - from)));
        if (str_starts(str_make(from, (size_t)(end - from)), STR(":${")))
            continue;
        from++;
        for (int i = 0; i < w->count; i++)
            w->hidden[i] = w->hidden[i] || (w->chars[i].p >= from && w->chars[i].p < at);
    }
}

/* Is this where a word begins that names secrets? */
static bool sounds_secret(struct str s)
{
    static const char *const words[] = { "pass",       "pwd",    "secret", "token",
                                         "credential", "apikey", "api_key" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i]);

        if (s.n >= n && strncasecmp(s.p, words[i], n) == 0)
            return true;
    }
    return false;
}

/* Behind the name at the start of `s`, its quote, the ":" and a quote: where the value begins; 0 when
 * this is no key. */
static size_t value_start(struct str s)
{
    size_t n = 0;

    while (n < s.n && (isalnum((unsigned char)s.p[n]) || s.p[n] == '_' || s.p[n] == '-'))
        n++;
    while (n < s.n && strchr(" \"'", s.p[n]) != NULL)
        n++;
    if (n == s.n || s.p[n] != ':')
        return 0;
    for (n++; n < s.n && strchr(" \"'", s.p[n]) != NULL; n++)
        ;
    return n;
}

/* Where a value that begins at `from` ends at the latest: at its quote, in { } at a comma, else with the
 * line. */
static size_t value_end(struct str line, size_t from)
{
    const char *stop = "";
    size_t to = from;

    if (line.p[from - 1] == '"' || line.p[from - 1] == '\'')
        stop = line.p[from - 1] == '"' ? "\"" : "'";
    else if (memchr(line.p, '{', from) != NULL)
        stop = ",}";
    while (to < line.n && (stop[0] == '\0' || strchr(stop, line.p[to]) == NULL))
        to++;
    return to;
}

/* Hides the values of keys whose name sounds like a secret. Needed where there is no tree to know better
 * from: the file is not valid YAML, or the key is not known. */
static void hide_secret_values(struct window *w)
{
    size_t from, to;

    for (size_t i = 0; i < w->line.n; i++) {
        struct str rest = str_make(w->line.p + i, w->line.n - i);

        if (!sounds_secret(rest))
            continue;
        from = i + value_start(rest);
        if (from == i || str_starts(str_make(w->line.p + from, w->line.n - from), STR("${")))
            continue;
        to = value_end(w->line, from);
        for (int c = 0; c < w->count; c++) {
            size_t at = (size_t)(w->chars[c].p - w->line.p);

            w->hidden[c] = w->hidden[c] || (at >= from && at < to);
        }
        i = to;
    }
}

/* ---- the window ----------------------------------------------------------------------------------- */

static void fill_window(const struct config_report *rep, const struct config_span *at,
                        struct window *w)
{
    size_t i = 0, n;
    int column = 1;

    memset(w, 0, sizeof *w);
    w->line = find_line(rep->source, at->line);
    w->first = at->column > WINDOW - 20 ? at->column - BEFORE_CARET : 1;
    for (; i < w->line.n && column < w->first; i += char_size(w->line, i))
        column++;
    for (; i < w->line.n && w->count < WINDOW; i += n, column++) {
        n = char_size(w->line, i);
        w->chars[w->count] = str_make(w->line.p + i, n);
        w->hidden[w->count++] = in_mask(rep, at->line, column);
    }
    w->cut = i < w->line.n;
    hide_url_passwords(w);
    hide_secret_values(w);
}

/* The terminal gets text only, whatever the file holds. */
static void put_char(struct buf *b, struct str c)
{
    unsigned char first = (unsigned char)c.p[0];

    if (first == '\t' || (first >= 0x20 && first != 0x7F && str_is_utf8(c)))
        buf_str(b, c);
    else
        buf_text(b, "?");
}

static void put_source(const struct window *w, struct buf *b)
{
    if (w->first > 1)
        buf_text(b, "...");
    for (int i = 0; i < w->count; i++) {
        if (!w->hidden[i])
            put_char(b, w->chars[i]);
        else if (i == 0 || !w->hidden[i - 1])
            buf_text(b, "***");
    }
    if (w->cut)
        buf_text(b, "...");
}

/* How wide the entries [0, n) are on the screen: as put_source writes them. */
static int shown_width(const struct window *w, int n)
{
    int width = w->first > 1 ? 3 : 0;

    for (int i = 0; i < n && i < w->count; i++) {
        if (!w->hidden[i])
            width++;
        else if (i == 0 || !w->hidden[i - 1])
            width += 3;
    }
    return width;
}

static void put_spaces(struct buf *b, int n)
{
    while (n-- > 0)
        buf_text(b, " ");
}

/* Spaces up to the caret; a tab stays a tab, so that the two lines keep in step. */
static void put_indent(const struct window *w, int n, struct buf *b)
{
    bool tabs = false;

    for (int i = 0; i < n && i < w->count; i++)
        tabs = tabs || (!w->hidden[i] && w->chars[i].p[0] == '\t');
    if (!tabs) {
        put_spaces(b, shown_width(w, n));
        return;
    }
    for (int i = 0; i < n && i < w->count; i++)
        buf_text(b, w->chars[i].p[0] == '\t' ? "\t" : " ");
}

/* ---- one finding ------------------------------------------------------------------------------------ */

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

static void put_caret(const struct config_finding *f, const struct window *w, int digits,
                      struct buf *b)
{
    int from = f->at.column - w->first;
    int to = f->at.end_line > f->at.line ? w->count : f->at.end_column - w->first;
    size_t line_start = b->n;
    int width;

    put_gutter(b, digits, "|");
    from = from < w->count ? from : w->count;
    put_indent(w, from, b);
    width = shown_width(w, to) - shown_width(w, from);
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
    struct window w;
    int digits = digits_of(f->at.line);

    buf_putf(b, "%s[E%04d]: %s\n", f->warning ? "warning" : "error", (int)f->code, f->message);
    if (f->at.line == 0) {
        buf_putf(b, "  --> %s\n", rep->path);
        return;
    }
    buf_putf(b, "  --> %s:%d:%d\n", rep->path, f->at.line, f->at.column);
    fill_window(rep, &f->at, &w);
    buf_putf(b, "%d | ", f->at.line);
    put_source(&w, b);
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
