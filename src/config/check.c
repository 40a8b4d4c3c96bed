/* SPDX-License-Identifier: Apache-2.0 */
/* What goes across keys: names, tables, and the defaults that follow from other keys. A value that was
 * faulty already is NULL here and is passed over. */
#include "config/pipeline.h"

#include "base/map.h"
#include "config/units.h"

enum { TOKEN_MIN = 16 };

static bool has_only(const char *text, const char *more)
{
    for (; *text != '\0'; text++) {
        if (!(*text >= 'a' && *text <= 'z') && !(*text >= '0' && *text <= '9') &&
            strchr(more, *text) == NULL)
            return false;
    }
    return true;
}

/* The node of a key below `map`, for the place of a fault; the map itself when it is not there. */
static const struct config_node *node_of(const struct config_node *map, const char *key)
{
    const struct config_node *node = config_get(map, key);

    return node != NULL ? node : map;
}

static void check_name(const struct config_node *map, const char *what, const char *name,
                       struct config_report *rep)
{
    if (name == NULL || (has_only(name, "_-") && strlen(name) <= CONFIG_NAME_MAX))
        return;
    config_fault(rep, node_of(map, "name"), E_CONFIG_BAD_NAME,
                 "a %s's name is made of a-z, 0-9, _ and -, at most %d of them", what,
                 CONFIG_NAME_MAX);
}

static void check_slot(const struct config_source *s, struct config_report *rep)
{
    if (s->slot != NULL &&
        (!has_only(s->slot, "_") || strlen(s->slot) > CONFIG_SLOT_MAX || s->slot[0] == '\0'))
        config_fault(rep, node_of(s->node, "slot"), E_CONFIG_BAD_NAME,
                     "a slot's name is made of a-z, 0-9 and _, at most %d of them",
                     CONFIG_SLOT_MAX);
    if (s->publication != NULL &&
        (strlen(s->publication) > CONFIG_SLOT_MAX || s->publication[0] == '\0'))
        config_fault(rep, node_of(s->node, "publication"), E_CONFIG_BAD_NAME,
                     "a publication's name has 1 to %d bytes", CONFIG_SLOT_MAX);
}

/* "multisink_" and the name; PostgreSQL allows no "-" in a slot's name. */
static const char *default_name(struct arena *a, const char *pipeline)
{
    char *text = arena_printf(a, "multisink_%s", pipeline);

    for (char *p = text; *p != '\0'; p++)
        *p = (char)(*p == '-' ? '_' : *p);
    return text;
}

static void check_table(const struct config_node *node, const char *table,
                        struct config_report *rep)
{
    struct str name = str_from(table);
    size_t dot = str_find(name, '.');

    if (strpbrk(table, "*?%") != NULL)
        config_fault(rep, node, E_CONFIG_TABLE_FORM, "patterns are not supported, name each table");
    else if (dot == 0 || dot + 1 >= name.n)
        config_fault(rep, node, E_CONFIG_TABLE_FORM, "a table is named schema.table, not \"%s\"",
                     config_shown(rep, node));
    else if (dot > CONFIG_SLOT_MAX || name.n - dot - 1 > CONFIG_SLOT_MAX)
        config_fault(rep, node, E_CONFIG_TABLE_FORM, "a name in PostgreSQL has at most %d bytes",
                     CONFIG_SLOT_MAX);
}

static void check_twice(const struct config_strings *list, struct config_report *rep)
{
    struct map seen;

    map_init(&seen);
    for (size_t i = 0; i < list->count; i++) {
        struct str name = str_from(list->items[i]);

        if (map_has(&seen, name))
            config_fault(rep, list->nodes[i], E_CONFIG_TABLE_TWICE, "table \"%s\" is listed twice",
                         config_shown(rep, list->nodes[i]));
        (void)map_put(&seen, name, NULL);
    }
    map_done(&seen);
}

static void check_source(struct config *c, struct config_report *rep)
{
    struct config_source *s = &c->source;

    if (s->password == NULL)
        s->password = s->url_password;
    if (s->slot == NULL && config_get(s->node, "slot") == NULL && c->name != NULL)
        s->slot = default_name(rep->arena, c->name);
    else
        check_slot(s, rep);
    if (s->publication == NULL && config_get(s->node, "publication") == NULL && c->name != NULL)
        s->publication = default_name(rep->arena, c->name);
    if (c->stream.kind == CONFIG_STREAM_KAFKA && config_get(s->node, "messages") == NULL)
        s->messages = true;
    for (size_t i = 0; i < s->tables.count; i++)
        check_table(s->tables.nodes[i], s->tables.items[i], rep);
    check_twice(&s->tables, rep);
    if (s->signal_table != NULL)
        check_table(node_of(s->node, "signal_table"), s->signal_table, rep);
}

/* A stream lies in one place. Both maps were looked through, so that their faults are shown as well. */
static void check_kind(struct config *c, const struct config_node *stream,
                       struct config_report *rep)
{
    const struct config_node *log = config_get(stream, "log");
    const struct config_node *kafka = config_get(stream, "kafka");

    c->stream.node = kafka != NULL ? kafka : log;
    if (kafka == NULL)
        return;
    if (log != NULL)
        config_fault(rep, kafka->key, E_CONFIG_STREAM_KIND,
                     "a stream has exactly one kind; this one is \"log\" already, in line %d",
                     log->key->line);
    config_check_kafka(c, kafka, rep);
}

static void check_stream(const struct config_stream *s, struct config_report *rep)
{
    const char *key = config_get(s->node, "max_size") != NULL ? "max_size" : "segment";
    char segment[CONFIG_UNIT_TEXT], size[CONFIG_UNIT_TEXT];

    if (s->segment == 0 || s->max_size == 0 || s->segment <= s->max_size / 2)
        return;
    config_fault(rep, node_of(s->node, key), E_CONFIG_RANGE,
                 "\"max_size\" (%s) is less than two segments of %s",
                 config_unit_format(CONFIG_UNITS_SIZE, (int64_t)s->max_size, size),
                 config_unit_format(CONFIG_UNITS_SIZE, (int64_t)s->segment, segment));
}

static void check_from(const struct config *c, const struct config_sink *sink,
                       const struct map *tables, struct config_report *rep)
{
    const struct config_strings *known = &c->source.tables;

    for (size_t i = 0; i < sink->from.count && known->count > 0; i++) {
        const struct config_node *node = sink->from.nodes[i];

        if (!map_has(tables, str_from(sink->from.items[i])))
            config_fault_known(rep, node, E_CONFIG_TABLE_UNKNOWN, node->text, known->items,
                               known->count, "table \"%s\" is not in source.postgres.tables",
                               config_shown(rep, node));
    }
    check_twice(&sink->from, rep);
}

static void check_topics(const struct config *c, const struct config_sink *sink,
                         struct config_report *rep)
{
    const struct config_node *topics = config_get(sink->node, "topics");

    if (sink->node->kind == CONFIG_MAP && topics == NULL && config_get(sink->node, "from") == NULL)
        config_missing(sink->node, "from", rep);
    if (topics != NULL && c->stream.kind != CONFIG_STREAM_KAFKA)
        config_fault(rep, topics, E_CONFIG_STREAM_KIND,
                     "\"topics\" are read from stream.kafka, which is not there");
    for (size_t i = 0; i < sink->topics.count; i++)
        config_check_topic(sink->topics.nodes[i], sink->topics.items[i], rep);
}

static void check_unique(const struct config *c, size_t at, struct config_report *rep)
{
    const char *name = c->sinks[at].name;

    for (size_t i = 0; i < at && name != NULL; i++) {
        if (c->sinks[i].name == NULL || strcmp(c->sinks[i].name, name) != 0)
            continue;
        config_fault(rep, node_of(c->sinks[at].node, "name"), E_CONFIG_DUPLICATE_NAME,
                     "there is a sink \"%s\" already, in line %d",
                     config_shown(rep, node_of(c->sinks[at].node, "name")),
                     node_of(c->sinks[i].node, "name")->line);
        return;
    }
}

static void check_sink(const struct config *c, size_t at, const struct map *tables,
                       struct config_report *rep)
{
    const struct config_sink *sink = &c->sinks[at];

    check_name(sink->node, "sink", sink->name, rep);
    check_unique(c, at, rep);
    check_from(c, sink, tables, rep);
    check_topics(c, sink, rep);
    if (sink->retry_initial_ms > 0 && sink->retry_max_ms > 0 &&
        sink->retry_initial_ms > sink->retry_max_ms)
        config_fault(rep, node_of(sink->node, "retry"), E_CONFIG_RANGE,
                     "\"retry.initial\" is at most \"retry.max\"");
}

static void check_part(const struct config *c, const struct config_node *root, const char *name,
                       const char *other, struct config_report *rep)
{
    if (config_get(root, name) != NULL)
        return;
    if (c->stream.kind == CONFIG_STREAM_KAFKA) {
        config_fault(rep, root, E_CONFIG_MISSING_KEY,
                     "missing key \"%s\"; only a file with \"role: %s\" can do without", name,
                     other);
    } else {
        config_fault(rep, root, E_CONFIG_MISSING_KEY, "missing key \"%s\"", name);
    }
}

/* Where the halves may run apart, a file that has only one of them says by that what it is for. */
static void check_role(struct config *c, const struct config_node *root, struct config_report *rep)
{
    static const char *const names[] = { "all", "capture", "deliver" };
    const struct config_node *role = config_get(root, "role");
    bool source = config_get(root, "source") != NULL;
    bool sinks = config_get(root, "sinks") != NULL;

    if (role == NULL && !source && !sinks)
        return; /* all of it comes over REST */
    if (role != NULL && (role->kind != CONFIG_SCALAR || !str_is(role->text, names[c->role])))
        return; /* which parts it takes cannot be said */
    if (c->stream.kind != CONFIG_STREAM_KAFKA && role != NULL && c->role != CONFIG_ROLE_ALL)
        config_fault(rep, role, E_CONFIG_ROLE,
                     "the log is read only by the process that writes it, so one process does both;"
                     " halves run apart with stream.kafka");
    if (c->stream.kind == CONFIG_STREAM_KAFKA && role == NULL && source != sinks)
        c->role = source ? CONFIG_ROLE_CAPTURE : CONFIG_ROLE_DELIVER;
    if (c->role != CONFIG_ROLE_DELIVER)
        check_part(c, root, "source", "deliver", rep);
    if (c->role != CONFIG_ROLE_CAPTURE)
        check_part(c, root, "sinks", "capture", rep);
}

static void check_control(const struct config_control *c, struct config_report *rep)
{
    const struct config_node *at = c->node != NULL ? node_of(c->node, "listen") : NULL;
    char host[128];
    uint16_t port;

    if (c->token != NULL && strlen(c->token) < TOKEN_MIN)
        config_fault(rep, node_of(c->node, "token"), E_CONFIG_VALUE,
                     "a token has at least %d characters; one is made by: openssl rand -hex 32",
                     TOKEN_MIN);
    if (c->listen == NULL || strcmp(c->listen, "off") == 0)
        return;
    if (!config_listen_parse(c->listen, host, sizeof host, &port))
        config_fault(rep, at, E_CONFIG_VALUE, "\"listen\" is host:port, [address]:port or off");
    else if (!config_host_is_loopback(host) && (c->token == NULL || c->cert == NULL))
        config_fault(rep, at, E_CONNECT_OPEN,
                     "others than this machine reach that address: it needs \"token\" and \"tls\"");
}

void config_check(struct config *c, const struct config_node *root, struct config_report *rep)
{
    struct map tables;

    c->source.node = config_get(config_get(root, "source"), "postgres");
    c->control.node = config_get(root, "control");
    check_role(c, root, rep);
    check_control(&c->control, rep);
    check_name(root, "pipeline", c->name, rep);
    if (c->source.node != NULL)
        check_source(c, rep);
    check_kind(c, config_get(root, "stream"), rep);
    check_stream(&c->stream, rep);
    map_init(&tables);
    for (size_t i = 0; i < c->source.tables.count; i++)
        (void)map_put(&tables, str_from(c->source.tables.items[i]), NULL);
    for (size_t i = 0; i < c->sink_count; i++)
        check_sink(c, i, &tables, rep);
    map_done(&tables);
}
