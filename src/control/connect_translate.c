/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_kafka.h"

#include "base/limits.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SAFE_MAX = CONNECT_NAME_TEXT - 1, HASH_DIGITS = 8, MINUTE_MS = 60000, DAY_MS = 86400000 };

void connect_safe_name(const char *connector, char ret_name[CONNECT_NAME_TEXT])
{
    bool same = connector[0] != '\0' && strlen(connector) <= SAFE_MAX;
    size_t n = 0;

    for (; connector[n] != '\0' && n < SAFE_MAX; n++) {
        char c = connector[n];
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';

        same = same && fine;
        ret_name[n] = (char)(fine                        ? c
                             : isupper((unsigned char)c) ? tolower((unsigned char)c)
                                                         : '_');
    }
    ret_name[n] = '\0';
    if (same)
        return;
    if (n > SAFE_MAX - HASH_DIGITS - 1)
        n = SAFE_MAX - HASH_DIGITS - 1;
    ret_name[n++] = '_';
    str_put_hex(ret_name + n, str_hash(str_from(connector)) & 0xffffffffu, HASH_DIGITS);
    ret_name[n + HASH_DIGITS] = '\0';
}

/* ---- checks --------------------------------------------------------------------------------------------- */

static void fault_of(const struct connect_plugin *plugin, const char *name, const char *text,
                     connect_fault *fault, void *ctx)
{
    char line[512];

    (void)snprintf(line, sizeof line, "The '%s' value is invalid: %s", name, text);
    fault(ctx, connect_prop_find(plugin, name), line);
}

static bool has_only(const char *text, const char *more, bool capitals)
{
    for (; *text != '\0'; text++) {
        if (!(*text >= 'a' && *text <= 'z') && !(*text >= '0' && *text <= '9') &&
            !(capitals && *text >= 'A' && *text <= 'Z') && strchr(more, *text) == NULL)
            return false;
    }
    return true;
}

static void check_transforms(const struct connect_plugin *plugin, const json_t *config,
                             connect_fault *fault, void *ctx)
{
    struct str rest = connect_list_of(config, "transforms");
    struct str item;

    while (connect_next_item(&rest, &item)) {
        char name[256];
        char text[640];
        const char *type;

        (void)snprintf(name, sizeof name, "transforms.%.*s.type",
                       (int)(item.n < 200 ? item.n : 200), item.p);
        type = connect_get(config, name);
        if (type != NULL && strcmp(type, "io.debezium.transforms.ExtractNewRecordState") == 0)
            continue;
        (void)snprintf(
            text, sizeof text,
            "Invalid value %.200s for configuration %s: Class %.100s could not be found.",
            type != NULL ? type : "null", name, type != NULL ? type : "null");
        fault(ctx, connect_prop_find(plugin, "transforms"), text);
    }
}

static void check_source(const struct connect_plugin *plugin, const json_t *config,
                         connect_fault *fault, void *ctx)
{
    const char *prefix = connect_get(config, "topic.prefix");
    const char *mode = connect_get(config, "snapshot.mode");
    const char *slot = connect_get(config, "slot.name");
    const char *include = connect_get(config, "table.include.list");
    const char *exclude = connect_get(config, "table.exclude.list");

    if (prefix != NULL && !has_only(prefix, "._-", true))
        fault_of(plugin, "topic.prefix",
                 "only letters, digits, dots, hyphens and underscores may be used", fault, ctx);
    if (mode != NULL && (strcmp(mode, "initial_only") == 0 || strcmp(mode, "custom") == 0))
        fault_of(plugin, "snapshot.mode", "multisink offers initial, always and never", fault, ctx);
    if (slot != NULL && (slot[0] == '\0' || strlen(slot) > 63 || !has_only(slot, "_", false)))
        fault_of(plugin, "slot.name", "a slot's name is made of a-z, 0-9 and _, at most 63 of them",
                 fault, ctx);
    if (include != NULL && exclude != NULL && include[0] != '\0' && exclude[0] != '\0')
        fault_of(plugin, "table.exclude.list", "\"table.include.list\" is already specified", fault,
                 ctx);
    check_transforms(plugin, config, fault, ctx);
}

static void check_sink(const struct connect_plugin *plugin, const json_t *config,
                       connect_fault *fault, void *ctx)
{
    const char *const *tables;
    const char *prefix;
    struct arena a;
    char text[256];
    size_t count;

    arena_init(&a, 4 * LIMIT_CONNECT_BODY);
    if (!connect_topics_get(config, &a, &prefix, &tables, &count, text, sizeof text))
        fault_of(plugin, "topics", text, fault, ctx);
    arena_done(&a);
}

void connect_translate_check(const struct connect_plugin *plugin, const json_t *config, bool kafka,
                             connect_fault *fault, void *ctx)
{
    if (plugin->source)
        check_source(plugin, config, fault, ctx);
    else if (!kafka)
        check_sink(plugin, config, fault, ctx);
    if (kafka)
        connect_kafka_check(plugin, config, fault, ctx);
}

/* ---- the text --------------------------------------------------------------------------------------------- */

/* A value as it is: "${" would be looked up in a file of the user's own. */
json_t *connect_plain(const char *text)
{
    struct buf b;
    json_t *value;

    buf_init(&b, 4 * LIMIT_CONNECT_BODY);
    for (; *text != '\0'; text++) {
        if (text[0] == '$' && text[1] == '{')
            buf_u8(&b, '$');
        buf_u8(&b, (uint8_t)*text);
    }
    value = connect_text(buf_cstr(&b));
    if (b.p != NULL)
        explicit_bzero(b.p, b.n);
    buf_done(&b);
    return value;
}

void connect_set(json_t *map, const char *key, const char *value)
{
    if (value != NULL)
        (void)json_object_set_new(map, key, connect_plain(value));
}

json_t *connect_plain_list(const char *const *items, size_t count)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, connect_plain(items[i]));
    return list;
}

json_t *connect_plain_items(struct str text)
{
    json_t *list = json_array();
    struct str item;

    while (connect_next_item(&text, &item)) {
        char *copy = mem_strndup(item);

        (void)json_array_append_new(list, connect_plain(copy));
        free(copy);
    }
    return list;
}

/* What JSON allows in a string and YAML does not, or takes for the end of a line: DEL, C1 controls, U+2028,
 * U+2029, U+FEFF, U+FFFE and U+FFFF. How many bytes it has at `p`, with its code; 0: it is none of them. */
static size_t unlike_yaml(const unsigned char *p, unsigned *ret_code)
{
    *ret_code = p[0];
    if (p[0] == 0x7F)
        return 1;
    if (p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F) {
        *ret_code = p[1];
        return 2;
    }
    if (p[0] != 0xE2 && p[0] != 0xEF)
        return 0;
    *ret_code = (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[1] != '\0' ? p[2] & 0x3Fu : 0);
    return *ret_code == 0x2028 || *ret_code == 0x2029 || *ret_code == 0xFEFF || *ret_code >= 0xFFFE
               ? 3
               : 0;
}

static void put_yaml(struct buf *b, const char *json)
{
    while (*json != '\0') {
        unsigned code;
        size_t n = unlike_yaml((const unsigned char *)json, &code);

        if (n > 0)
            buf_putf(b, "\\u%04x", code);
        else
            buf_u8(b, (uint8_t)*json);
        json += n > 0 ? n : 1;
    }
}

void connect_put_text(json_t *root, struct buf *b)
{
    char *text = json_dumps(root, JSON_INDENT(1));

    if (text != NULL) {
        put_yaml(b, text);
        buf_u8(b, '\n');
        explicit_bzero(text, strlen(text));
        free(text);
    }
    json_decref(root);
}

/* RFC 3986: all but the unreserved characters as %XX. */
static void put_percent(struct buf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (isalnum(c) || strchr("-._~", c) != NULL)
            buf_u8(b, c);
        else
            buf_putf(b, "%%%02X", c);
    }
}

static void put_parameter(struct buf *b, bool *first, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    buf_putf(b, "%c%s=", *first ? '?' : '&', name);
    put_percent(b, value);
    *first = false;
}

static json_t *url_of(const json_t *config)
{
    const char *host = connect_get(config, "database.hostname");
    const char *port = connect_get(config, "database.port");
    const char *mode = connect_get(config, "database.sslmode");
    bool fallback =
        mode != NULL && (strcasecmp(mode, "prefer") == 0 || strcasecmp(mode, "allow") == 0);
    bool first = true;
    struct buf b;
    json_t *url;

    buf_init(&b, 16 * LIMIT_CONNECT_BODY);
    buf_text(&b, "postgres://");
    put_percent(&b, connect_get(config, "database.user"));
    buf_u8(&b, '@');
    if (strchr(host, ':') != NULL)
        buf_putf(&b, "[%s]", host);
    else
        put_percent(&b, host);
    buf_putf(&b, ":%s/", port != NULL ? port : "5432");
    put_percent(&b, connect_get(config, "database.dbname"));
    put_parameter(&b, &first, "sslmode", fallback ? NULL : mode);
    put_parameter(&b, &first, "sslrootcert", connect_get(config, "database.sslrootcert"));
    put_parameter(&b, &first, "sslcert", connect_get(config, "database.sslcert"));
    put_parameter(&b, &first, "sslkey", connect_get(config, "database.sslkey"));
    url = connect_plain(buf_cstr(&b));
    buf_done(&b);
    return url;
}

/* Milliseconds within what the pipeline allows: from a second to `max`. */
static void set_interval(json_t *map, const char *key, const char *text, int64_t max)
{
    int64_t ms;
    char value[24];

    if (text == NULL || !str_to_i64(str_from(text), &ms))
        return;
    ms = ms < 1000 ? 1000 : ms > max ? max : ms;
    (void)snprintf(value, sizeof value, "%lldms", (long long)ms);
    connect_set(map, key, value);
}

/* As with Debezium it is run only where there are heartbeats. */
static void set_heartbeat(json_t *postgres, const json_t *config)
{
    const char *query = connect_get(config, "heartbeat.action.query");
    const char *interval = connect_get(config, "heartbeat.interval.ms");
    json_t *heartbeat;
    int64_t ms;

    if (query == NULL || query[0] == '\0' || interval == NULL ||
        !str_to_i64(str_from(interval), &ms) || ms <= 0)
        return;
    heartbeat = json_object();
    connect_set(heartbeat, "query", query);
    set_interval(heartbeat, "interval", interval, DAY_MS);
    (void)json_object_set_new(postgres, "heartbeat", heartbeat);
}

static void set_signals(json_t *postgres, const json_t *config)
{
    const char *table = connect_get(config, "signal.data.collection");
    const char *chunk = connect_get(config, "incremental.snapshot.chunk.size");

    connect_set(postgres, "signal_table", table != NULL && table[0] != '\0' ? table : NULL);
    connect_set(postgres, "incremental_chunk", chunk != NULL && chunk[0] != '\0' ? chunk : NULL);
}

void connect_source_text(const struct connect_source_text *source, struct buf *b)
{
    const json_t *config = source->config;
    const char *slot = connect_get(config, "slot.name");
    const char *publication = connect_get(config, "publication.name");
    const char *mode = connect_get(config, "snapshot.mode");
    json_t *postgres = json_object();
    json_t *root;

    (void)json_object_set_new(postgres, "url", url_of(config));
    connect_set(postgres, "password", connect_get(config, "database.password"));
    connect_set(postgres, "slot", slot != NULL ? slot : "debezium");
    connect_set(postgres, "publication", publication != NULL ? publication : "dbz_publication");
    connect_set(postgres, "snapshot",
                mode != NULL && strcasecmp(mode, "never") == 0 ? "never" : "initial");
    set_interval(postgres, "status_interval", connect_get(config, "status.update.interval.ms"),
                 MINUTE_MS);
    set_heartbeat(postgres, config);
    set_signals(postgres, config);
    (void)json_object_set_new(postgres, "tables",
                              connect_plain_list(source->tables, source->table_count));
    root = json_pack("{s:i, s:s, s:{s:o}}", "version", 1, "name", source->name, "source",
                     "postgres", postgres);
    if (source->kafka != NULL) {
        connect_set(root, "role", "capture");
        (void)json_object_set_new(
            root, "stream",
            json_pack("{s:o}", "kafka",
                      connect_kafka_of_source(config, source->kafka, source->dir)));
    } else {
        (void)json_object_set_new(root, "stream",
                                  json_pack("{s:{s:o}}", "log", "dir", connect_plain(source->dir)));
        (void)json_object_set_new(root, "sinks", json_array());
    }
    connect_put_text(root, b);
}
