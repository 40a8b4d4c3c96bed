/* SPDX-License-Identifier: Apache-2.0 */
#include "config/window.h"

#include <ctype.h>
#include <string.h>

enum { BEFORE_CARET = 60 };

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

static void hide(struct config_window *w, const char *from, const char *to)
{
    for (int i = 0; i < w->count; i++)
        w->hidden[i] = w->hidden[i] || (w->chars[i].p >= from && w->chars[i].p < to);
}

/* Hides the password of what is a URL or was meant to be one: from the ":" behind "//user" (behind the
 * start, where the "//" was forgotten) to the last "@"; the last, as a password may hold one itself. */
static void hide_url_password(struct config_window *w, struct str word)
{
    size_t at = word.n, from = 0;
    const char *slashes;

    while (at > 0 && word.p[at - 1] != '@')
        at--;
    if (at-- == 0)
        return;
    slashes = at > 0 ? memmem(word.p, at, "//", 2) : NULL;
    if (slashes != NULL)
        from = (size_t)(slashes - word.p) + 2;
    from += user_size(str_make(word.p + from, at - from));
    if (!str_starts(str_make(word.p + from, word.n - from), STR(":${")))
        hide(w, word.p + from + 1, word.p + at);
}

static void hide_url_passwords(struct config_window *w)
{
    const char *end = w->line.p + w->line.n;

    for (const char *p = w->line.p, *start = p; p <= end; p++) {
        if (p < end && !ends_value(*p))
            continue;
        if (p > start)
            hide_url_password(w, str_make(start, (size_t)(p - start)));
        start = p + 1;
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
static void hide_secret_values(struct config_window *w)
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

void config_window_fill(const struct config_report *rep, const struct config_span *at,
                        struct config_window *w)
{
    size_t i = 0, n;
    int column = 1;

    memset(w, 0, sizeof *w);
    w->line = find_line(rep->source, at->line);
    w->first = at->column > CONFIG_WINDOW - 20 ? at->column - BEFORE_CARET : 1;
    for (; i < w->line.n && column < w->first; i += char_size(w->line, i))
        column++;
    for (; i < w->line.n && w->count < CONFIG_WINDOW; i += n, column++) {
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

void config_window_put(const struct config_window *w, struct buf *b)
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

int config_window_width(const struct config_window *w, int n)
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

void config_window_indent(const struct config_window *w, int n, struct buf *b)
{
    bool tabs = false;

    for (int i = 0; i < n && i < w->count; i++)
        tabs = tabs || (!w->hidden[i] && w->chars[i].p[0] == '\t');
    if (!tabs) {
        buf_putf(b, "%*s", config_window_width(w, n), "");
        return;
    }
    for (int i = 0; i < n && i < w->count; i++)
        buf_text(b, w->chars[i].p[0] == '\t' ? "\t" : " ");
}
