/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/check_rows.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ROWS_MAX = 4096,  /* what is behind is not read by anybody */
    TEXT_MAX = 1024,  /* longer than any message of ours */
    PART_COLUMN = 10, /* columns */
    VERDICT_COLUMN = 6,
    TAG_COLUMN = 9 /* code or elapsed time, at the right edge */
};

static const char *const verdict_names[] = { "ok", "warn", "FAIL", "skip" };

void check_init(struct check *c, const struct config *config)
{
    *c = (struct check){ .config = config };
    arena_init(&c->arena, LIMIT_ARENA);
}

void check_done(struct check *c)
{
    arena_done(&c->arena);
    free(c->rows);
}

static struct check_row *add_row(struct check *c)
{
    if (c->row_count == ROWS_MAX)
        return NULL;
    if (c->row_count == c->row_cap) {
        c->row_cap = c->row_cap > 0 ? c->row_cap * 2 : 32;
        c->rows = mem_resize(c->rows, c->row_cap, sizeof *c->rows);
    }
    return &c->rows[c->row_count++];
}

void check_add(struct check *c, enum check_verdict verdict, enum error_code code, const char *fix,
               const char *fmt, ...)
{
    struct check_row *row = add_row(c);
    char text[TEXT_MAX];
    va_list ap;

    if (row == NULL)
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    *row = (struct check_row){ .part = c->part, .verdict = verdict, .code = "", .elapsed_us = -1 };
    row->text = arena_str(&c->arena, str_from(text)).p;
    if (fix != NULL && fix[0] != '\0')
        row->fix = arena_str(&c->arena, str_from(fix)).p;
    if (code != E_NONE)
        row->code = arena_printf(&c->arena, "E%04d", (int)code);
    if (verdict == CHECK_FAIL)
        row->exit = CLI_USAGE;
}

void check_elapsed(struct check *c, int64_t elapsed_us)
{
    if (c->row_count > 0)
        c->rows[c->row_count - 1].elapsed_us = elapsed_us;
}

void check_error(struct check *c, const struct error *err, const char *fix)
{
    const struct error_page *page = err->code[0] != '\0' ? error_page_find(err->code) : NULL;
    char explain[64];

    (void)snprintf(explain, sizeof explain, "multisink explain %s", err->code);
    check_add(c, CHECK_FAIL, page != NULL ? (enum error_code)page->number : E_CLI_CHECK_FAILED,
              fix != NULL ? fix : explain, "%s", err->msg);
    if (c->row_count > 0 && cli_exit_of(err) == CLI_UNREACHABLE)
        c->rows[c->row_count - 1].exit = CLI_UNREACHABLE;
}

int check_exit(const struct check *c)
{
    int worst = CLI_OK;

    for (size_t i = 0; i < c->row_count; i++)
        worst = c->rows[i].exit > worst ? c->rows[i].exit : worst;
    return worst;
}

/* ---- as a table --------------------------------------------------------------------------------- */

static const char *tag_of(const struct check_row *row, char *text, size_t size)
{
    if (row->code[0] != '\0')
        return row->code;
    text[0] = '\0';
    if (row->elapsed_us >= 0)
        (void)snprintf(text, size, "%lld ms", (long long)(row->elapsed_us + 999) / 1000);
    return text;
}

static void put_padded(struct buf *b, int n)
{
    while (n-- > 0)
        buf_text(b, " ");
}

static const char *color_of(enum check_verdict verdict)
{
    switch (verdict) {
    case CHECK_FAIL:
        return "\033[1;31m";
    case CHECK_WARN:
        return "\033[33m";
    case CHECK_OK:
    case CHECK_SKIP:
        break;
    }
    return "";
}

static void put_verdict(struct buf *b, enum check_verdict verdict, bool color)
{
    const char *paint = color ? color_of(verdict) : "";

    buf_putf(b, "%s%s%s", paint, verdict_names[verdict], paint[0] != '\0' ? "\033[0m" : "");
    put_padded(b, VERDICT_COLUMN - (int)strlen(verdict_names[verdict]));
}

/* The text in lines that leave the right edge free, and the tag behind the first. */
static void put_body(struct buf *b, const struct check_row *row, int indent, int width)
{
    char text[32];
    const char *tag = tag_of(row, text, sizeof text);
    struct buf body;
    size_t first;

    buf_init(&body, MIB);
    cli_put_wrapped(&body, row->text, indent, width - TAG_COLUMN);
    first = str_find(buf_view(&body), '\n');
    buf_put(b, body.p, first);
    if (tag[0] != '\0') {
        put_padded(b, width - indent - (int)strlen(tag) - cli_columns(str_make(body.p, first)));
        buf_text(b, tag);
    }
    buf_put(b, body.p + first, body.n - first);
    buf_text(b, "\n");
    buf_done(&body);
    if (row->fix == NULL)
        return;
    put_padded(b, indent);
    buf_text(b, "fix: ");
    cli_put_wrapped(b, row->fix, indent + 5, width);
    buf_text(b, "\n");
}

static void put_summary(const struct check *c, struct buf *b)
{
    size_t counts[4] = { 0 };

    for (size_t i = 0; i < c->row_count; i++)
        counts[c->rows[i].verdict]++;
    buf_putf(b, "%zu failed, %zu warning%s, %zu ok. ", counts[CHECK_FAIL], counts[CHECK_WARN],
             counts[CHECK_WARN] == 1 ? "" : "s", counts[CHECK_OK]);
    buf_putf(b, "Nothing was changed. Exit %d. JSON: --json\n", check_exit(c));
}

static void put_head(const struct check *c, const char *path, int64_t elapsed_us, int width,
                     struct buf *b)
{
    char time[32];
    size_t start = b->n;

    (void)snprintf(time, sizeof time, "%.1f s", (double)elapsed_us / 1e6);
    buf_putf(b, "multisink check - %s", path);
    if (c->config != NULL)
        buf_putf(b, " (%s)", c->config->name);
    put_padded(b,
               width - 1 - (int)strlen(time) - cli_columns(str_make(b->p + start, b->n - start)));
    buf_putf(b, " %s\n", time);
}

/* What the row is about, where that changes; a long name gets a line of its own. */
static void put_part(const char *part, const char *last, struct buf *b)
{
    int n = cli_columns(str_from(part));

    if (strcmp(part, last) == 0) {
        put_padded(b, PART_COLUMN);
    } else if (n < PART_COLUMN) {
        buf_text(b, part);
        put_padded(b, PART_COLUMN - n);
    } else {
        buf_putf(b, "%s\n", part);
        put_padded(b, PART_COLUMN);
    }
}

void check_put_text(const struct check *c, const char *path, int64_t elapsed_us, struct buf *b)
{
    int width = cli_width(STDOUT_FILENO);
    bool color = cli_color(STDOUT_FILENO);
    const char *last = "";

    put_head(c, path, elapsed_us, width, b);
    for (size_t i = 0; i < c->row_count; i++) {
        const struct check_row *row = &c->rows[i];

        put_part(row->part, last, b);
        put_verdict(b, row->verdict, color);
        put_body(b, row, PART_COLUMN + VERDICT_COLUMN, width);
        last = row->part;
    }
    put_summary(c, b);
}

/* ---- as JSON ------------------------------------------------------------------------------------ */

static void put_field(struct buf *b, bool *first, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    json_key(b, first, name);
    json_string(b, str_from(text));
}

static void put_json_row(const struct check_row *row, struct buf *b)
{
    bool first = true;

    buf_text(b, "{");
    put_field(b, &first, "part", row->part);
    put_field(b, &first, "verdict", verdict_names[row->verdict]);
    put_field(b, &first, "code", row->code);
    put_field(b, &first, "text", row->text);
    put_field(b, &first, "fix", row->fix);
    if (row->elapsed_us >= 0) {
        json_key(b, &first, "elapsed_us");
        buf_dec(b, row->elapsed_us);
    }
    buf_text(b, "}");
}

void check_put_json(const struct check *c, const char *path, int64_t elapsed_us, struct buf *b)
{
    bool first = true;

    buf_text(b, "{");
    put_field(b, &first, "file", path);
    put_field(b, &first, "pipeline", c->config != NULL ? c->config->name : NULL);
    json_key(b, &first, "elapsed_us");
    buf_dec(b, elapsed_us);
    json_key(b, &first, "exit");
    buf_dec(b, check_exit(c));
    json_key(b, &first, "rows");
    buf_text(b, "[");
    for (size_t i = 0; i < c->row_count; i++) {
        buf_text(b, i > 0 ? "," : "");
        put_json_row(&c->rows[i], b);
    }
    buf_text(b, "]}\n");
}
