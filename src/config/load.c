/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/mem.h"
#include "config/pipeline.h"
#include "config/yaml.h"

#include <inttypes.h>
#include <stdlib.h>

static struct config *make(const char *path, struct str text, const struct config_kinds *kinds)
{
    struct config *c = mem_zalloc(1, sizeof *c);
    struct config_report *rep;

    arena_init(&c->arena, LIMIT_CONFIG_ARENA);
    c->path = arena_str(&c->arena, str_from(path)).p;
    rep = c->report = arena_zalloc(&c->arena, 1, sizeof *rep);
    rep->path = c->path;
    rep->arena = &c->arena;
    rep->kinds = kinds;
    /* A byte order mark says nothing in UTF-8. */
    if (str_starts(text, STR("\xEF\xBB\xBF")))
        text = str_make(text.p + 3, text.n - 3);
    rep->source = arena_str(&c->arena, text);
    config_secret_add(rep, rep->source);
    return c;
}

/* A file for another version would only give faults that mean nothing. */
static bool version_fits(const struct config_node *root, struct config_report *rep)
{
    const struct config_node *version = config_get(root, "version");
    uint64_t number;

    if (version == NULL || version->kind != CONFIG_SCALAR || !str_to_u64(version->text, &number) ||
        number == 1)
        return true;
    config_fault(rep, version, E_CONFIG_VERSION,
                 "this is a file of version %" PRIu64 "; this multisink knows version 1", number);
    return false;
}

static void parse(struct config *c)
{
    const struct config_node *root = config_yaml_parse(c->report);

    if (root == NULL || !version_fits(root, c->report))
        return;
    config_parse_keys(root, config_root_keys, c, c->report);
    if (root->kind == CONFIG_MAP)
        config_check(c, root, c->report);
}

bool config_load_text(const char *path, struct str text, const struct config_kinds *kinds,
                      struct config **ret_config, struct buf *ret_text, struct error *err)
{
    struct config *c = make(path, text, kinds);
    size_t errors;

    parse(c);
    if (ret_text != NULL)
        config_render(c->report, ret_text);
    errors = c->report->error_count;
    if (errors > 0) {
        config_free(c);
        return error_set(err, ERR_STOP, E_CONFIG_INVALID, "cannot use %s: %zu error%s", path,
                         errors, errors == 1 ? "" : "s");
    }
    *ret_config = c;
    return true;
}

bool config_load(const char *path, const struct config_kinds *kinds, struct config **ret_config,
                 struct buf *ret_text, struct error *err)
{
    struct error cause;
    struct str text;
    bool ok;

    if (!file_read_all(path, LIMIT_CONFIG_FILE, &text, &cause))
        return error_set(err, ERR_STOP, E_CONFIG_FILE, "cannot load the configuration: %s",
                         cause.msg);
    ok = config_load_text(path, text, kinds, ret_config, ret_text, err);
    if (text.n > 0)
        explicit_bzero((void *)(uintptr_t)text.p, text.n);
    free((void *)(uintptr_t)text.p);
    return ok;
}

void config_free(struct config *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->report->secret_count; i++) {
        struct str s = c->report->secrets[i];

        if (s.n > 0)
            explicit_bzero((void *)(uintptr_t)s.p, s.n);
    }
    arena_done(&c->arena);
    free(c);
}
