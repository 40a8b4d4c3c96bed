/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ${env:NAME} and ${file:PATH} in values. What is taken in is not looked through again. A resolved value is
 * never part of a message; the names of variables and files are.
 */
#include "config/yaml.h"

#include "base/file.h"

#include <stdlib.h>
#include <sys/stat.h>

/* One reference within a text: "${kind:name}". */
struct reference {
    size_t n; /* bytes of the whole */
    struct str kind, name;
};

static bool missing_env(struct config_report *rep, const struct config_node *at, const char *name)
{
    config_fault_note(rep, at, E_CONFIG_ENV_MISSING, "set it in the shell or in the unit",
                      "the environment variable %s is not set", name);
    return false;
}

static bool take_in(struct config_report *rep, const struct config_node *at, struct str value,
                    struct buf *out)
{
    rep->secret_bytes += value.n;
    if (rep->secret_bytes > LIMIT_CONFIG_SECRETS) {
        config_fault(rep, at, E_CONFIG_TOO_LARGE, "the file takes in more than %zu KiB with ${...}",
                     LIMIT_CONFIG_SECRETS / KIB);
        return false;
    }
    buf_str(out, value);
    return true;
}

static bool from_env(struct config_report *rep, const struct config_node *at, const char *name,
                     struct buf *out)
{
    /* Read once, before any thread is started. */
    const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe) */

    if (value == NULL)
        return missing_env(rep, at, name);
    if (strlen(value) > LIMIT_SECRET) {
        config_fault(rep, at, E_CONFIG_TOO_LARGE,
                     "the environment variable %s is longer than %zu KiB", name,
                     LIMIT_SECRET / KIB);
        return false;
    }
    return take_in(rep, at, str_from(value), out);
}

/* A secret file usually ends with a line end that nobody means. */
static struct str cut_line_end(struct str s)
{
    if (s.n > 0 && s.p[s.n - 1] == '\n')
        s.n--;
    if (s.n > 0 && s.p[s.n - 1] == '\r')
        s.n--;
    return s;
}

static bool use_file(struct config_report *rep, const struct config_node *at, const char *path,
                     struct str whole, struct buf *out)
{
    struct str value = cut_line_end(whole);

    if (value.n == 0) {
        config_fault(rep, at, E_CONFIG_SECRET_FILE, "cannot use %s: the file is empty", path);
        return false;
    }
    if (!str_is_utf8(value) || memchr(value.p, '\0', value.n) != NULL) {
        config_fault(rep, at, E_CONFIG_SECRET_FILE, "cannot use %s: it does not hold text", path);
        return false;
    }
    return take_in(rep, at, value, out);
}

static bool from_file(struct config_report *rep, const struct config_node *at, const char *path,
                      struct buf *out)
{
    struct error err;
    struct stat st;
    struct str whole;
    bool ok;

    if (stat(path, &st) == 0) {
        /* A pipe or a device could hold up the start for ever. */
        if (!S_ISREG(st.st_mode)) {
            config_fault(rep, at, E_CONFIG_SECRET_FILE, "cannot use %s: it is not a regular file",
                         path);
            return false;
        }
        if ((st.st_mode & S_IROTH) != 0)
            config_warning(rep, at, E_CONFIG_SECRET_EXPOSED,
                           "every user of this machine can read %s; chmod 600 it", path);
    }
    if (!file_read_all(path, LIMIT_SECRET, &whole, &err)) {
        config_fault(rep, at, E_CONFIG_SECRET_FILE, "%s", err.msg);
        return false;
    }
    ok = use_file(rep, at, path, whole, out);
    if (whole.n > 0)
        explicit_bzero((void *)(uintptr_t)whole.p, whole.n);
    free((void *)(uintptr_t)whole.p);
    return ok;
}

static bool use(struct config_report *rep, const struct config_node *at, const struct reference *r,
                struct buf *out)
{
    const char *name = arena_str(rep->arena, r->name).p;

    if (r->name.n > 0 && memchr(r->name.p, '\0', r->name.n) == NULL &&
        str_find(r->name, '$') == r->name.n) {
        if (str_is(r->kind, "env"))
            return from_env(rep, at, name, out);
        if (str_is(r->kind, "file"))
            return from_file(rep, at, name, out);
    }
    config_fault_note(rep, at, E_CONFIG_REFERENCE,
                      "${env:NAME} or ${file:PATH}; $${ for the text ${",
                      "this ${...} is not understood");
    return false;
}

/* Where the next "${" stands from `at`, or text.n. */
static size_t next_reference(struct str text, size_t at)
{
    for (; at + 1 < text.n; at++) {
        if (text.p[at] == '$' && text.p[at + 1] == '{')
            return at;
    }
    return text.n;
}

/* Takes "${kind:name}" at the start of `text` apart; what is not of that form has no kind. */
static struct reference read_reference(struct str text)
{
    struct str inner = str_make(text.p + 2, text.n - 2);
    size_t close = str_find(inner, '}');
    size_t colon;
    struct reference r = { .n = 2 + close + (close < inner.n ? 1 : 0) };

    if (close == inner.n)
        return r;
    inner.n = close;
    colon = str_find(inner, ':');
    if (colon < inner.n) {
        r.kind = str_make(inner.p, colon);
        r.name = str_make(inner.p + colon + 1, inner.n - colon - 1);
    }
    return r;
}

static bool expand(struct config_report *rep, struct config_node *node, struct buf *out)
{
    struct str text = node->text;
    size_t done = 0, at;

    while ((at = next_reference(text, done)) < text.n) {
        struct reference r;

        buf_put(out, text.p + done, at - done);
        if (at > done && text.p[at - 1] == '$') { /* "$${": the first "$" was put already */
            buf_text(out, "{");
            done = at + 2;
            continue;
        }
        r = read_reference(str_make(text.p + at, text.n - at));
        if (!use(rep, node, &r, out))
            return false;
        node->secret = true;
        done = at + r.n;
    }
    buf_put(out, text.p + done, text.n - done);
    return true;
}

void config_resolve(struct config_report *rep, struct config_node *scalar)
{
    struct buf out;

    if (scalar->text.n < 2 || memchr(scalar->text.p, '$', scalar->text.n) == NULL)
        return;
    buf_init(&out, LIMIT_CONFIG_FILE + LIMIT_CONFIG_SECRETS);
    if (expand(rep, scalar, &out) && buf_ok(&out)) {
        scalar->text = arena_str(rep->arena, buf_view(&out));
        if (scalar->secret)
            config_secret_add(rep, scalar->text);
    } else {
        scalar->unresolved = true;
    }
    if (out.p != NULL)
        explicit_bzero(out.p, out.cap);
    buf_done(&out);
}
