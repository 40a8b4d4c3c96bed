/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libyaml's events, put together to a tree. The maps and lists that are open stand on a stack of fixed
 * depth: nothing recurses on input. Children of an open node are gathered in memory of its frame and
 * copied into the arena when it is closed.
 */
#include "config/yaml.h"

#include "base/map.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <yaml.h>

struct frame {
    struct config_node *node;
    const struct config_node **keys, **items;
    size_t count, cap;
    struct config_node *key; /* map: the key whose value comes next */
    bool flow;
};

struct builder {
    struct config_report *rep;
    struct frame stack[LIMIT_CONFIG_DEPTH];
    size_t depth;
    size_t nodes;
    unsigned documents;
    struct config_node *root;
    bool stopped; /* a fault that nothing can be read behind */
};

static struct config_span span_of(const yaml_event_t *e)
{
    return (struct config_span){ (int)e->start_mark.line + 1, (int)e->start_mark.column + 1,
                                 (int)e->end_mark.line + 1, (int)e->end_mark.column + 1 };
}

static void stop(struct builder *b, const yaml_event_t *e, const char *message, unsigned limit)
{
    config_fault_span(b->rep, span_of(e), E_CONFIG_TOO_LARGE, NULL, "%s %u", message, limit);
    b->stopped = true;
}

static struct config_node *make_node(struct builder *b, enum config_kind kind,
                                     const yaml_event_t *e)
{
    struct config_node *node;
    struct config_span at = span_of(e);

    if (++b->nodes > LIMIT_CONFIG_NODES) {
        stop(b, e, "the file holds more values than", LIMIT_CONFIG_NODES);
        return NULL;
    }
    node = arena_zalloc(b->rep->arena, 1, sizeof *node);
    node->kind = kind;
    node->line = at.line;
    node->column = at.column;
    node->end_line = at.end_line;
    node->end_column = at.end_column;
    return node;
}

static void grow(struct frame *f)
{
    f->cap = f->cap > 0 ? f->cap * 2 : 8;
    f->items = mem_resize(f->items, f->cap, sizeof(struct config_node *));
    f->keys = mem_resize(f->keys, f->cap, sizeof(struct config_node *));
}

/* Puts a finished or opened node where it belongs. In a map, every other one is a key. */
static void place(struct builder *b, struct config_node *node)
{
    struct frame *f;

    if (b->depth == 0) {
        b->root = node;
        return;
    }
    f = &b->stack[b->depth - 1];
    if (f->node->kind == CONFIG_MAP && f->key == NULL) {
        f->key = node;
        return;
    }
    if (f->count == f->cap)
        grow(f);
    node->parent = f->node;
    node->key = f->key;
    f->keys[f->count] = f->key;
    f->items[f->count++] = node;
    f->key = NULL;
}

static bool is_key_next(const struct builder *b)
{
    const struct frame *f = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;

    return f != NULL && f->node->kind == CONFIG_MAP && f->key == NULL;
}

static void feature(struct builder *b, const yaml_event_t *e, const char *what)
{
    config_fault_span(
        b->rep, span_of(e), E_CONFIG_YAML_FEATURE, NULL,
        "%s cannot be used here; write the value out, a text that starts so in quotes", what);
}

static void check_decoration(struct builder *b, const yaml_event_t *e, const yaml_char_t *anchor,
                             const yaml_char_t *tag)
{
    if (anchor != NULL)
        feature(b, e, "an anchor (&name)");
    if (tag != NULL)
        feature(b, e, "a tag (!name)");
}

static void on_scalar(struct builder *b, const yaml_event_t *e)
{
    struct config_node *node = make_node(b, CONFIG_SCALAR, e);

    if (node == NULL)
        return;
    check_decoration(b, e, e->data.scalar.anchor, e->data.scalar.tag);
    node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_str(b->rep->arena, str_make(e->data.scalar.value, e->data.scalar.length));
    if (!is_key_next(b))
        config_resolve(b->rep, node);
    place(b, node);
}

static void on_open(struct builder *b, enum config_kind kind, const yaml_event_t *e)
{
    struct config_node *node;
    bool flow;

    if (is_key_next(b)) {
        config_fault_span(b->rep, span_of(e), E_CONFIG_TYPE, NULL, "a key is a text, not a %s",
                          kind == CONFIG_MAP ? "map" : "list");
        b->stopped = true;
        return;
    }
    if (b->depth == LIMIT_CONFIG_DEPTH) {
        stop(b, e, "nested deeper than", LIMIT_CONFIG_DEPTH);
        return;
    }
    node = make_node(b, kind, e);
    if (node == NULL)
        return;
    if (kind == CONFIG_MAP) {
        check_decoration(b, e, e->data.mapping_start.anchor, e->data.mapping_start.tag);
        flow = e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    } else {
        check_decoration(b, e, e->data.sequence_start.anchor, e->data.sequence_start.tag);
        flow = e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    }
    place(b, node);
    b->stack[b->depth++] = (struct frame){ .node = node, .flow = flow };
}

static void check_duplicates(struct builder *b, const struct config_node *map)
{
    struct map seen;

    map_init(&seen);
    for (size_t i = 0; i < map->count; i++) {
        const struct config_node *key = map->keys[i];
        const struct config_node *first = map_get(&seen, key->text);

        if (first != NULL) {
            config_fault(b->rep, key, E_CONFIG_DUPLICATE_KEY,
                         "key \"%s\" is given twice; the first is in line %d",
                         config_shown(b->rep, key), first->line);
        } else {
            (void)map_put(&seen, key->text, (void *)(uintptr_t)key);
        }
    }
    map_done(&seen);
}

static void free_frame(struct frame *f)
{
    free(f->keys);
    free(f->items);
}

static void on_close(struct builder *b, const yaml_event_t *e)
{
    struct frame *f = &b->stack[--b->depth];
    struct config_node *node = f->node;
    struct arena *a = b->rep->arena;

    assert(node != NULL);
    node->count = f->count;
    if (f->count > 0) {
        node->items = arena_alloc(a, f->count * sizeof(struct config_node *));
        memcpy(node->items, f->items, f->count * sizeof(struct config_node *));
        if (node->kind == CONFIG_MAP) {
            node->keys = arena_alloc(a, f->count * sizeof(struct config_node *));
            memcpy(node->keys, f->keys, f->count * sizeof(struct config_node *));
        }
    }
    if (f->flow) {
        node->end_line = (int)e->end_mark.line + 1;
        node->end_column = (int)e->end_mark.column + 1;
    }
    if (node->kind == CONFIG_MAP)
        check_duplicates(b, node);
    free_frame(f);
}

static void on_document(struct builder *b, const yaml_event_t *e)
{
    if (++b->documents == 1)
        return;
    config_fault_span(b->rep, span_of(e), E_CONFIG_YAML_FEATURE, NULL,
                      "a second document starts here; a file holds one pipeline");
    b->stopped = true;
}

static void on_alias(struct builder *b, const yaml_event_t *e)
{
    struct config_node *node = make_node(b, CONFIG_SCALAR, e);

    if (node == NULL)
        return;
    feature(b, e, "an alias (*name)");
    node->text = arena_str(b->rep->arena, STR(""));
    node->unresolved = true;
    place(b, node);
}

static void on_event(struct builder *b, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        on_document(b, e);
        break;
    case YAML_ALIAS_EVENT:
        on_alias(b, e);
        break;
    case YAML_SCALAR_EVENT:
        on_scalar(b, e);
        break;
    case YAML_SEQUENCE_START_EVENT:
        on_open(b, CONFIG_LIST, e);
        break;
    case YAML_MAPPING_START_EVENT:
        on_open(b, CONFIG_MAP, e);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        on_close(b, e);
        break;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
}

/* libyaml's words for what goes wrong most often, in ours. */
static const struct {
    const char *theirs, *ours;
    bool at_context; /* where it began says more than where it ended */
} problems[] = {
    { "mapping values are not allowed in this context",
      "a \":\" where no key can be: the line is indented too far, or the value needs quotes",
      false },
    { "could not find expected ':'", "a key without \":\", or a text that needs quotes", true },
    { "did not find expected key",
      "neither a key nor the end of the map: look at the indentation and the quotes", false },
    { "did not find expected '-' indicator",
      "neither a list item nor the end of the list: look at the indentation", false },
    { "did not find expected ',' or ']'", "a \"[\" that is not closed, or a comma is missing",
      true },
    { "did not find expected ',' or '}'", "a \"{\" that is not closed, or a comma is missing",
      true },
    { "found unexpected end of stream", "a quote that is not closed", true },
    { "found unexpected document indicator", "a quote that is not closed", true },
    { "block sequence entries are not allowed in this context",
      "a list item where none can be: it belongs on a line of its own, below the key", false },
};

static bool tab_at(struct str source, const yaml_mark_t *mark)
{
    size_t line = 0, i = 0;

    for (; i < source.n && line < mark->line; i++)
        line += source.p[i] == '\n' ? 1 : 0;
    for (size_t n = 0; i < source.n && source.p[i] != '\n' && n <= mark->column; i++, n++) {
        if (source.p[i] == '\t')
            return true;
    }
    return false;
}

static void on_problem(struct builder *b, const yaml_parser_t *parser)
{
    const char *text = parser->problem != NULL ? parser->problem : "cannot be read";
    const yaml_mark_t *mark = &parser->problem_mark;
    struct config_span at;

    if (parser->error == YAML_MEMORY_ERROR)
        error_out_of_memory(b->rep->source.n);
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        if (strcmp(problems[i].theirs, text) != 0)
            continue;
        text = problems[i].ours;
        if (problems[i].at_context && parser->context != NULL)
            mark = &parser->context_mark;
        break;
    }
    if (strcmp(text, "found character that cannot start any token") == 0)
        text = tab_at(b->rep->source, mark) ? "a tab cannot indent, use spaces"
                                            : "a text that starts with this character needs quotes";
    at = (struct config_span){ (int)mark->line + 1, (int)mark->column + 1, (int)mark->line + 1,
                               (int)mark->column + 2 };
    config_fault_span(b->rep, at, E_CONFIG_YAML, NULL, "not valid YAML: %s", text);
    b->stopped = true;
}

static void run(struct builder *b, yaml_parser_t *parser)
{
    bool ended = false;

    while (!ended && !b->stopped) {
        yaml_event_t event;

        if (yaml_parser_parse(parser, &event) == 0) {
            on_problem(b, parser);
            return;
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        on_event(b, &event);
        yaml_event_delete(&event);
    }
}

const struct config_node *config_yaml_parse(struct config_report *rep)
{
    struct builder b = { .rep = rep };
    yaml_parser_t parser;

    if (!config_bytes_check(rep))
        return NULL;
    if (yaml_parser_initialize(&parser) == 0)
        error_out_of_memory(sizeof parser);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)rep->source.p, rep->source.n);
    run(&b, &parser);
    yaml_parser_delete(&parser);
    while (b.depth > 0)
        free_frame(&b.stack[--b.depth]);
    if (b.stopped)
        return NULL;
    if (b.root == NULL || config_is_null(b.root)) {
        config_fault(rep, NULL, E_CONFIG_EMPTY,
                     "the file is empty; `multisink init` writes a first one");
        return NULL;
    }
    return b.root;
}
