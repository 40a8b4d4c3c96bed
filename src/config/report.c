/* SPDX-License-Identifier: Apache-2.0 */
#include "config/report.h"

#include <stdarg.h>
#include <stdio.h>

enum { MESSAGE_MAX = 480, SHOWN_MAX = 60, KNOWN_MAX = 1000 };

/* Doubles an array in the arena; the old one stays there, which costs at most as much again. */
static void *grown(struct arena *a, const void *old, size_t count, size_t *cap, size_t size)
{
    size_t wanted = *cap > 0 ? *cap * 2 : 16;
    void *p = arena_zalloc(a, wanted, size);

    if (count > 0)
        memcpy(p, old, count * size);
    *cap = wanted;
    return p;
}

/* Control characters must not reach a terminal or break a line in two: they are written as \xNN. */
static const char *safe_text(struct config_report *rep, const char *text)
{
    struct str whole;
    struct buf b;

    buf_init(&b, (size_t)MESSAGE_MAX * 4);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7F || (p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F))
            buf_putf(&b, "\\x%02X", *p);
        else
            buf_put(&b, p, 1);
    }
    whole = arena_str(rep->arena, buf_view(&b));
    buf_done(&b);
    return whole.p;
}

static struct config_span span_of(const struct config_node *node)
{
    return (struct config_span){ node->line, node->column, node->end_line, node->end_column };
}

/* A map, a list or nothing is best shown by its key, a map without one by the first key in it. */
static struct config_span place_of(const struct config_node *at)
{
    if (at == NULL)
        return (struct config_span){ 0, 0, 0, 0 };
    if (at->key != NULL && (at->kind != CONFIG_SCALAR || config_is_null(at)))
        at = at->key;
    else if (at->kind == CONFIG_MAP && at->count > 0)
        at = at->keys[0];
    return span_of(at);
}

static struct config_finding *add(struct config_report *rep, bool warning, enum error_code code,
                                  struct config_span at)
{
    struct config_finding *f;

    if (warning)
        rep->warning_count++;
    else
        rep->error_count++;
    if (rep->shown == LIMIT_CONFIG_FAULTS)
        return NULL;
    f = &rep->findings[rep->shown++];
    *f = (struct config_finding){ .warning = warning, .code = code, .at = at };
    return f;
}

__attribute__((format(printf, 3, 0))) static void
put_message(struct config_report *rep, struct config_finding *f, const char *fmt, va_list ap)
{
    char text[MESSAGE_MAX];

    if (f == NULL)
        return;
    (void)vsnprintf(text, sizeof text, fmt, ap);
    f->message = safe_text(rep, text);
}

void config_fault(struct config_report *rep, const struct config_node *at, enum error_code code,
                  const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put_message(rep, add(rep, false, code, place_of(at)), fmt, ap);
    va_end(ap);
}

void config_fault_span(struct config_report *rep, struct config_span at, enum error_code code,
                       const char *note, const char *fmt, ...)
{
    struct config_finding *f = add(rep, false, code, at);
    va_list ap;

    va_start(ap, fmt);
    put_message(rep, f, fmt, ap);
    va_end(ap);
    if (f != NULL && note != NULL)
        f->note = safe_text(rep, note);
}

void config_fault_note(struct config_report *rep, const struct config_node *at,
                       enum error_code code, const char *note, const char *fmt, ...)
{
    struct config_finding *f = add(rep, false, code, place_of(at));
    va_list ap;

    va_start(ap, fmt);
    put_message(rep, f, fmt, ap);
    va_end(ap);
    if (f != NULL && note != NULL)
        f->note = safe_text(rep, note);
}

void config_warning(struct config_report *rep, const struct config_node *at, enum error_code code,
                    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    put_message(rep, add(rep, true, code, place_of(at)), fmt, ap);
    va_end(ap);
}

static void put_known(struct config_report *rep, struct config_finding *f, struct str name,
                      const char *const *known, size_t known_count)
{
    const char *near =
        config_nearest(name, known, known_count < KNOWN_MAX ? known_count : KNOWN_MAX);
    char note[SHOWN_MAX * 2];
    struct buf b;

    if (near != NULL) {
        (void)snprintf(note, sizeof note, "did you mean \"%s\"?", near);
        f->note = safe_text(rep, note);
    }
    if (known_count == 0 || (known_count == 1 && near != NULL))
        return;
    buf_init(&b, 4 * KIB);
    for (size_t i = 0; i < known_count; i++) {
        buf_text(&b, i > 0 ? ", " : "");
        buf_text(&b, known[i]);
    }
    if (buf_ok(&b))
        f->known = arena_str(rep->arena, buf_view(&b)).p;
    buf_done(&b);
}

void config_fault_known(struct config_report *rep, const struct config_node *at,
                        enum error_code code, struct str name, const char *const *known,
                        size_t known_count, const char *fmt, ...)
{
    struct config_finding *f = add(rep, false, code, place_of(at));
    va_list ap;

    va_start(ap, fmt);
    put_message(rep, f, fmt, ap);
    va_end(ap);
    if (f != NULL)
        put_known(rep, f, name, known, known_count);
}

void config_fault_name(struct config_report *rep, const struct config_node *at,
                       enum error_code code, const char *what, const char *const *known,
                       size_t known_count)
{
    config_fault_known(rep, at, code, at->text, known, known_count, "unknown %s \"%s\"", what,
                       config_shown(rep, at));
}

const char *config_shown(struct config_report *rep, const struct config_node *node)
{
    size_t n = node->text.n;

    if (node->secret)
        return "***";
    if (n <= SHOWN_MAX)
        return arena_str(rep->arena, node->text).p;
    /* Not in the middle of a character. */
    for (n = SHOWN_MAX; n > 0 && ((unsigned char)node->text.p[n] & 0xC0) == 0x80;)
        n--;
    return arena_printf(rep->arena, "%.*s...", (int)n, node->text.p);
}

void config_mask(struct config_report *rep, const struct config_node *node)
{
    if (rep->mask_count == rep->mask_cap)
        rep->masks =
            grown(rep->arena, rep->masks, rep->mask_count, &rep->mask_cap, sizeof *rep->masks);
    rep->masks[rep->mask_count++] = span_of(node);
}

void config_secret_add(struct config_report *rep, struct str secret)
{
    if (rep->secret_count == rep->secret_cap)
        rep->secrets = grown(rep->arena, rep->secrets, rep->secret_count, &rep->secret_cap,
                             sizeof *rep->secrets);
    rep->secrets[rep->secret_count++] = secret;
}

struct arena *config_report_arena(struct config_report *rep)
{
    return rep->arena;
}
