/* SPDX-License-Identifier: Apache-2.0 */
/* One connector: from its properties to what runs, and in and out of state.db. */
#include "control/connect_private.h"

#include "base/limits.h"
#include "base/logger.h"
#include "base/mem.h"
#include "sink/sink.h"

#include <stdlib.h>
#include <string.h>

static const char *const state_names[] = { "RUNNING", "PAUSED", "STOPPED" };

const char *connect_state_name(enum connect_state state)
{
    return state_names[state];
}

bool connect_state_parse(const char *name, enum connect_state *ret_state)
{
    for (size_t i = 0; i < sizeof state_names / sizeof state_names[0]; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *ret_state = (enum connect_state)i;
            return true;
        }
    }
    return false;
}

struct connector *connector_find(const struct connect_worker *w, const char *name)
{
    for (size_t i = 0; i < w->count; i++) {
        if (!w->items[i]->hidden && strcmp(w->items[i]->name, name) == 0)
            return w->items[i];
    }
    return NULL;
}

/* ---- properties -> conf ------------------------------------------------------------------------------ */

/* The faults of a rendered report in one line. */
static void set_faults(struct error *err, const struct buf *report, const struct error *cause)
{
    struct str rest = buf_view(report);
    struct buf b;

    buf_init(&b, LIMIT_CONFIG_REPORT);
    while (rest.n > 0) {
        size_t n = str_find(rest, '\n');
        struct str line = str_make(rest.p, n);
        size_t mark = str_find(line, ']');

        if (str_starts(line, STR("error[")) && mark + 3 <= line.n)
            buf_putf(&b, "%s%.*s", b.n > 0 ? "; " : "", (int)(line.n - mark - 3),
                     line.p + mark + 3);
        n += n < rest.n ? 1 : 0;
        rest = str_make(rest.p + n, rest.n - n);
    }
    (void)error_set(err, ERR_STOP, E_CONNECT_CONFIG, "%s", b.n > 0 ? buf_cstr(&b) : cause->msg);
    buf_done(&b);
}

static void load(struct connector *c, struct buf *text)
{
    struct error cause;
    struct buf report;

    buf_init(&report, LIMIT_CONFIG_REPORT);
    if (!config_load_text(c->name, buf_view(text), sink_config_kinds(), &c->conf, &report,
                          &cause)) {
        c->conf = NULL;
        set_faults(&c->error, &report, &cause);
    }
    buf_done(&report);
    if (text->p != NULL)
        explicit_bzero(text->p, text->n);
}

/* The tables of a source: as named, else as the database had them when it was last asked. */
static bool source_tables(struct connector *c, struct arena *a, const char *const **ret_tables,
                          size_t *ret_count)
{
    json_t *found = json_object_get(c->notes, "tables");
    struct connect_filters filters;
    const char **tables;

    if (connect_tables_named(c->config, a, ret_tables, ret_count))
        return true;
    if (json_array_size(found) == 0) {
        connect_filters_get(c->config, a, &filters);
        return connect_catalog_tables(c->config, &filters, a, ret_tables, ret_count, &c->error);
    }
    tables = arena_zalloc(a, json_array_size(found), sizeof(char *));
    for (size_t i = 0; i < json_array_size(found); i++)
        tables[i] = json_string_value(json_array_get(found, i));
    *ret_tables = tables;
    *ret_count = json_array_size(found);
    return true;
}

static void read_source(struct connect_worker *w, struct connector *c, struct arena *a,
                        struct buf *text)
{
    struct connect_source_text source = { .config = c->config, .name = c->safe, .kafka = w->kafka };
    char *dir = mem_printf("%s/connectors/%s", w->opts.config->stream.dir, c->safe);

    c->prefix = mem_strdup(connect_get(c->config, "topic.prefix"));
    source.dir = dir;
    if (source_tables(c, a, &source.tables, &source.table_count)) {
        connect_source_text(&source, text);
        load(c, text);
    }
    free(dir);
}

static void read_sink_of_kafka(struct connect_worker *w, struct connector *c, struct buf *text)
{
    char *dir = mem_printf("%s/connectors/%s", w->opts.config->stream.dir, c->safe);

    connect_sink_text_kafka(c->plugin, c->config, c->safe, w->kafka, dir, text);
    load(c, text);
    if (c->conf != NULL)
        c->sink_from = &c->conf->sinks[0].topics;
    free(dir);
}

static void read_sink(struct connector *c, struct arena *a, struct buf *text)
{
    const char *const *tables;
    const char *prefix;
    char fault[256];
    size_t count;

    if (!connect_topics_get(c->config, a, &prefix, &tables, &count, fault, sizeof fault)) {
        (void)error_set(&c->error, ERR_STOP, E_CONNECT_CONFIG, "%s", fault);
        return;
    }
    c->prefix = mem_strdup(prefix);
    connect_sink_text(c->plugin, c->config, c->safe, tables, count, text);
    load(c, text);
    if (c->conf != NULL)
        c->sink_from = &c->conf->sinks[0].from;
}

/* The first fault of stored properties, by the table. */
static void first_fault(void *ctx, const struct connect_prop *prop, const char *text)
{
    struct error *err = ctx;

    (void)prop;
    if (err->kind == ERR_NONE)
        (void)error_set(err, ERR_STOP, E_CONNECT_CONFIG, "%s", text);
}

static void warn_idle(const struct connector *c, bool kafka)
{
    struct buf idle;

    buf_init(&idle, LIMIT_CONNECT_BODY);
    connect_props_idle(c->plugin, c->config, kafka, &idle);
    if (idle.n > 0 && !c->quiet)
        logger_warn("connect", "connector %s: accepted, but without a meaning here: %s", c->name,
                    buf_cstr(&idle));
    buf_done(&idle);
}

static void forget(struct connector *c)
{
    config_free(c->conf);
    c->conf = NULL;
    c->sink_from = NULL;
    free(c->prefix);
    c->prefix = NULL;
    error_clear(&c->error);
}

void connector_read(struct connect_worker *w, struct connector *c)
{
    struct arena a;
    struct buf text;

    if (c->of_file)
        return;
    forget(c);
    c->plugin = connect_plugin_of(&w->plugins, c->config);
    if (c->plugin == NULL) {
        (void)error_set(&c->error, ERR_STOP, E_CONNECT_CONFIG,
                        "there is no connector.class \"%.100s\"",
                        connect_get(c->config, "connector.class"));
        return;
    }
    connect_props_check(c->plugin, c->config, first_fault, &c->error);
    if (w->kafka != NULL)
        connect_kafka_check(c->plugin, c->config, first_fault, &c->error);
    if (c->error.kind != ERR_NONE)
        return;
    arena_init(&a, 16 * LIMIT_CONNECT_BODY);
    buf_init(&text, LIMIT_CONFIG_FILE);
    if (c->plugin->source)
        read_source(w, c, &a, &text);
    else if (w->kafka != NULL)
        read_sink_of_kafka(w, c, &text);
    else
        read_sink(c, &a, &text);
    buf_done(&text);
    arena_done(&a);
    warn_idle(c, w->kafka != NULL);
}

/* ---- the list -------------------------------------------------------------------------------------------- */

struct connector *connector_append(struct connect_worker *w, const char *name)
{
    struct connector *c = mem_zalloc(1, sizeof *c);

    c->name = mem_strdup(name);
    c->notes = json_object();
    connect_safe_name(name, c->safe);
    w->items = mem_resize(w->items, w->count + 1, sizeof(struct connector *));
    w->items[w->count++] = c;
    return c;
}

struct connector *connector_add(struct connect_worker *w, const char *name, json_t *config,
                                json_t *notes, enum connect_state wanted)
{
    struct connector *c = connector_append(w, name);

    c->config = config;
    if (notes != NULL) {
        json_decref(c->notes);
        c->notes = notes;
    }
    c->wanted = wanted;
    connector_read(w, c);
    return c;
}

void connector_free(struct connector *c)
{
    pipeline_close(c);
    if (!c->of_file)
        config_free(c->conf);
    free(c->sinks);
    json_decref(c->config);
    json_decref(c->notes);
    free(c->prefix);
    free(c->name);
    free(c);
}

void connector_remove(struct connect_worker *w, struct connector *c)
{
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i]->source != c)
            continue;
        w->items[i]->source = NULL;
        w->items[i]->attached = false;
    }
    for (size_t i = 0; i < w->count; i++) {
        if (w->items[i] != c)
            continue;
        memmove(&w->items[i], &w->items[i + 1], (w->count - i - 1) * sizeof(struct connector *));
        w->count--;
        break;
    }
    connector_free(c);
}

bool connector_store(struct connect_worker *w, struct connector *c, struct error *err)
{
    struct connect_stored stored = { c->name, c->of_file ? NULL : c->config,
                                     connect_state_name(c->wanted), c->notes };

    return connect_store_put(w->store, &stored, err);
}
