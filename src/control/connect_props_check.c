/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a configuration by the table of properties alone, in the words of the real worker. */
#include "control/connect_kafka.h"

#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);

    while (*choices != '\0') {
        size_t length = strcspn(choices, " ");

        if (length == n && strncasecmp(choices, value, n) == 0)
            return true;
        choices += length;
        choices += strspn(choices, " ");
    }
    return false;
}

static void say(connect_fault *fault, void *ctx, const struct connect_prop *prop, const char *fmt,
                ...) __attribute__((format(printf, 4, 5)));

static void say(connect_fault *fault, void *ctx, const struct connect_prop *prop, const char *fmt,
                ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fault(ctx, prop, text);
}

static void check_choice(const struct connect_prop *prop, const char *value, connect_fault *fault,
                         void *ctx)
{
    struct buf known;

    if (prop->choices == NULL || is_choice(prop->choices, value))
        return;
    buf_init(&known, KIB);
    for (const char *p = prop->choices; *p != '\0'; p++)
        buf_text(&known, *p == ' ' ? ", " : (char[]){ *p, '\0' });
    say(fault, ctx, prop, "The '%s' value is invalid: Value must be one of %s", prop->name,
        buf_cstr(&known));
    buf_done(&known);
}

/* Connect's own properties stand in groups of their own. */
static bool is_framework(const struct connect_prop *prop)
{
    return prop->framework ||
           (strcmp(prop->group, "Postgres") != 0 && strcmp(prop->group, "Connector") != 0 &&
            strcmp(prop->group, "Events") != 0);
}

static void check_number(const struct connect_prop *prop, const char *value, connect_fault *fault,
                         void *ctx)
{
    int64_t number;

    if (str_to_i64(str_trim(str_from(value)), &number))
        return;
    if (is_framework(prop))
        say(fault, ctx, prop, "Invalid value %.100s for configuration %s: Not a number of type %s",
            value, prop->name, prop->type == CONNECT_INT ? "INT" : "LONG");
    else
        say(fault, ctx, prop, "The '%s' value is invalid: An integer is expected", prop->name);
}

static void check_boolean(const struct connect_prop *prop, const char *value, connect_fault *fault,
                          void *ctx)
{
    if (strcasecmp(value, "true") != 0 && strcasecmp(value, "false") != 0)
        say(fault, ctx, prop,
            "Invalid value %.100s for configuration %s: Expected value to be either true or false",
            value, prop->name);
}

static bool is_default(const struct connect_prop *prop, const char *value)
{
    return value[0] == '\0' || (prop->fallback != NULL && strcasecmp(prop->fallback, value) == 0);
}

static void check_value(const struct connect_prop *prop, const char *value, connect_fault *fault,
                        void *ctx)
{
    if (prop->use == CONNECT_REFUSED && !is_default(prop, value)) {
        say(fault, ctx, prop, "The '%s' value is invalid: multisink does not offer it. %s",
            prop->name, prop->help);
        return;
    }
    if (prop->use == CONNECT_REFUSED)
        return;
    if (prop->type == CONNECT_INT || prop->type == CONNECT_LONG)
        check_number(prop, value, fault, ctx);
    else if (prop->type == CONNECT_BOOLEAN)
        check_boolean(prop, value, fault, ctx);
    else
        check_choice(prop, value, fault, ctx);
}

/* Without these there is nothing to connect to. */
static bool is_needed(const struct connect_prop *prop)
{
    static const char *const names[] = { "topic.prefix", "database.hostname", "database.user",
                                         "database.dbname" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(prop->name, names[i]) == 0)
            return true;
    }
    return false;
}

static void check_missing(const struct connect_plugin *plugin, const struct connect_prop *prop,
                          connect_fault *fault, void *ctx)
{
    if (plugin->source && is_needed(prop))
        say(fault, ctx, prop, "The '%s' value is invalid: A value is required", prop->name);
    else if (prop->required || strcmp(prop->name, "name") == 0 ||
             strcmp(prop->name, "connector.class") == 0)
        say(fault, ctx, prop, "Missing required configuration \"%s\" which has no default value.",
            prop->name);
}

static void check_given(const struct connect_plugin *plugin, const struct connect_prop *prop,
                        const json_t *config, connect_fault *fault, void *ctx)
{
    const char *name;
    json_t *value;

    if (strchr(prop->name, '(') == NULL) {
        const char *text = connect_get(config, prop->name);

        if (text == NULL || (text[0] == '\0' && plugin->source && is_needed(prop)))
            check_missing(plugin, prop, fault, ctx);
        else
            check_value(prop, text, fault, ctx);
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)config, name, value)
    {
        if (connect_prop_fits(prop, name) && json_string_value(value) != NULL)
            check_value(prop, json_string_value(value), fault, ctx);
    }
}

void connect_props_check(const struct connect_plugin *plugin, const json_t *config,
                         connect_fault *fault, void *ctx)
{
    for (size_t i = 0; i < plugin->prop_count; i++)
        check_given(plugin, &plugin->props[i], config, fault, ctx);
    if (!plugin->source && (connect_get(config, "topics") == NULL ||
                            str_trim(str_from(connect_get(config, "topics"))).n == 0))
        fault(ctx, connect_prop_find(plugin, "topics"),
              "Must configure one of topics or topics.regex");
}

static bool begins(const char *name, const char *const *beginnings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    }
    return false;
}

/* What belongs to a transformation or a converter that the connector itself names. */
static bool is_format_family(const char *name)
{
    static const char *const families[] = { "transforms.", "key.converter.", "value.converter.",
                                            "header.converter." };

    return begins(name, families, sizeof families / sizeof families[0]);
}

bool connect_prop_is_foreign(const char *name)
{
    static const char *const families[] = {
        "errors.",         "consumer.override.", "producer.override.",
        "admin.override.", "predicates.",        "topic.creation."
    };

    return is_format_family(name) || begins(name, families, sizeof families / sizeof families[0]);
}

void connect_props_idle(const struct connect_plugin *plugin, const json_t *config, bool kafka,
                        struct buf *b)
{
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)config, name, value)
    {
        const struct connect_prop *prop = connect_prop_find(plugin, name);
        const char *text = json_string_value(value);
        bool format =
            prop != NULL ? prop->use == CONNECT_FORMAT : plugin->source && is_format_family(name);

        if (prop != NULL && (prop->use == CONNECT_USED || prop->use == CONNECT_REFUSED))
            continue;
        if (prop != NULL && text != NULL && is_default(prop, text))
            continue;
        if (kafka && (plugin->source ? connect_kafka_takes(config, name) : format))
            continue; /* a sink finds out by itself how records look */
        if (prop == NULL && !plugin->source && !connect_prop_is_foreign(name))
            continue; /* a key of the sink, or one that its own check refuses */
        buf_putf(b, "%s%s", b->n > 0 ? ", " : "", name);
    }
}
