/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONNECT_PROPS_H
#define CONTROL_CONNECT_PROPS_H

/*
 * The kinds of connectors and the properties of each: Debezium's PostgreSQL source, and a sink connector
 * for every sink. One table serves the list of plugins, their documentation, the validation of a
 * configuration and the masking of secrets. Pure; made once, read by any thread.
 *
 * A configuration is a JSON object whose values are all strings, as Connect has it.
 */

#include "base/arena.h"
#include "base/error.h"
#include "config/config.h"

#include <jansson.h>

enum connect_prop_type {
    CONNECT_STRING,
    CONNECT_INT,
    CONNECT_LONG,
    CONNECT_BOOLEAN,
    CONNECT_LIST,
    CONNECT_CLASS,
    CONNECT_PASSWORD
};

enum connect_prop_use {
    CONNECT_USED,    /* translated */
    CONNECT_FORMAT,  /* says how records look in Kafka */
    CONNECT_IGNORED, /* means nothing here */
    CONNECT_REFUSED  /* would change what is captured in a way that is not offered */
};

/* In the order in which the tables read best. */
struct connect_prop { /* NOLINT(clang-analyzer-optin.performance.Padding) */
    const char *name;
    enum connect_prop_type type;
    const char *fallback; /* NULL: none */
    const char *importance;
    const char *group;
    const char *width;
    const char *display;
    int order;
    enum connect_prop_use use;
    const char *choices; /* separated by spaces, or NULL */
    const char *help;
    bool required;
    bool framework; /* checked by Connect itself, which words its faults in another way */
};

struct connect_plugin {
    const char *class_name; /* in full */
    const char *alias;      /* its last part */
    bool source;
    const char *version;
    const struct config_sink_type *sink; /* NULL for a source */
    const struct connect_prop *props;
    size_t prop_count;
};

struct connect_plugins {
    struct arena arena;
    struct connect_plugin *items;
    size_t count;
};

void connect_plugins_init(struct connect_plugins *p, const struct config_sink_type *types,
                          size_t type_count);
void connect_plugins_done(struct connect_plugins *p);
/* By the full class name, its last part, or that without "Connector" or "Sink" at its end. */
const struct connect_plugin *connect_plugin_find(const struct connect_plugins *p, const char *name);
/* The plugin of a configuration by its connector.class, or NULL. */
const struct connect_plugin *connect_plugin_of(const struct connect_plugins *p,
                                               const json_t *config);
/* NULL when it is not known. Families such as column.mask.* are found by their beginning. */
const struct connect_prop *connect_prop_find(const struct connect_plugin *plugin, const char *name);

/* "column.mask.with.(d+).chars" stands for all names that begin as it does before the bracket. */
bool connect_prop_fits(const struct connect_prop *prop, const char *name);

/* Is the value of that property never to be shown? By its type, or by what its name says. */
bool connect_prop_is_secret(const struct connect_plugin *plugin, const char *name);

/* A new object in which each secret reads ********; in a URL, only its password does. */
json_t *connect_masked(const struct connect_plugin *plugin, const json_t *config);
/* Puts the stored value back wherever `config` has what connect_masked makes of it. */
void connect_unmask(const struct connect_plugin *plugin, json_t *config, const json_t *stored);

/* Calls `fault` for each thing that is wrong, in the order of the table. */
typedef void connect_fault(void *ctx, const struct connect_prop *prop, const char *text);
void connect_props_check(const struct connect_plugin *plugin, const json_t *config,
                         connect_fault *fault, void *ctx);

/* Names that were given and mean nothing here, "a, b, c"; empty when there are none. Without a Kafka, what
 * says how records look in it is among them. */
void connect_props_idle(const struct connect_plugin *plugin, const json_t *config, bool kafka,
                        struct buf *b);

/* Does the name belong to Kafka Connect's own machinery (converters, transformations, errors.*)? */
bool connect_prop_is_foreign(const char *name);

/* A JSON text; bytes that are not UTF-8 become question marks. */
json_t *connect_text(const char *text);
/* The text of a property, or NULL. */
const char *connect_get(const json_t *config, const char *name);

#endif
