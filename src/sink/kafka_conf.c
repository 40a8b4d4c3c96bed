/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/kafka_conf.h"

static const char *percent_decoded(struct str s, struct arena *a)
{
    char *text = arena_alloc(a, s.n + 1);

    return str_percent_decode(s, text) ? text : arena_str(a, s).p;
}

void sink_kafka_settings(const struct config_kafka *conf, struct arena *a,
                         struct kafka_settings *ret_settings)
{
    struct kafka_property *properties =
        arena_zalloc(a, conf->property_count > 0 ? conf->property_count : 1, sizeof *properties);

    for (size_t i = 0; i < conf->property_count; i++)
        properties[i] =
            (struct kafka_property){ conf->properties[i].name, conf->properties[i].value };
    *ret_settings = (struct kafka_settings){ .brokers = conf->brokers,
                                             .properties = properties,
                                             .property_count = conf->property_count };
}

const char *sink_kafka_group(const struct config_kafka *conf, const char *sink, struct arena *a)
{
    return arena_printf(a, "%s-%s", conf->group, sink);
}

/* Of postgres://user@host/database?..., where it may be left out: libpq takes the user's name then. */
static const char *database_of(const char *url, struct arena *a)
{
    struct str left = str_from(url);
    const char *mark = strstr(url, "://");
    size_t slash, end, at;

    left = mark != NULL ? str_from(mark + 3) : left;
    left.n = str_find(left, '?');
    slash = str_find(left, '/');
    at = str_find(str_make(left.p, slash), '@');
    end = left.n;
    if (slash + 1 < end)
        left = str_make(left.p + slash + 1, end - slash - 1);
    else
        left.n = at < slash ? at : 0;
    return percent_decoded(left, a);
}

static const char *const *terminated(const struct config_strings *list, struct arena *a)
{
    const char **items = arena_zalloc(a, list->count + 1, sizeof *items);

    for (size_t i = 0; i < list->count; i++)
        items[i] = list->items[i];
    return items;
}

void sink_kafka_format(const struct config *config, struct arena *a,
                       struct debezium_format *ret_format)
{
    const struct config_kafka *k = &config->stream.kafka;
    const struct config_format *f = &k->format;

    debezium_format_init(ret_format, (enum debezium_compat)f->compat, k->topic_prefix,
                         database_of(config->source.url, a));
    if (f->version != NULL)
        ret_format->version = f->version;
    ret_format->connector = f->connector;
    ret_format->key_schemas = f->key_schemas;
    ret_format->value_schemas = f->schemas;
    ret_format->decimal = f->decimal;
    ret_format->time = f->time;
    ret_format->binary = f->binary;
    ret_format->hstore = f->hstore;
    ret_format->interval = f->interval;
    ret_format->overflow = f->overflow;
    ret_format->money_digits = (int)f->money_digits;
    ret_format->placeholder = f->placeholder;
    ret_format->null_is_default = f->null_is_default;
    ret_format->tombstones = f->tombstones;
    ret_format->transactions = f->transactions;
    ret_format->truncates = f->truncates;
    ret_format->heartbeat_prefix = f->heartbeat_prefix;
    ret_format->unwrap = (struct debezium_unwrap){ .on = f->unwrapped,
                                                   .deletes = f->deletes,
                                                   .add_fields = terminated(&f->add_fields, a),
                                                   .add_headers = terminated(&f->add_headers, a),
                                                   .fields_prefix = f->fields_prefix,
                                                   .headers_prefix = f->headers_prefix };
}

bool sink_kafka_property(const char *name, const char *value, struct arena *a, const char **ret_why,
                         const char **ret_near)
{
    const struct kafka_property property = { name, value };
    const struct kafka_settings settings = { .properties = &property, .property_count = 1 };
    const char *const *names;
    const char *near;
    struct error err;
    size_t count, at;

    if (kafka_settings_check(&settings, &at, &err))
        return true;
    *ret_why = arena_str(a, str_from(err.msg)).p;
    count = kafka_property_names(a, &names);
    near = config_nearest(str_from(name), names, count);
    *ret_near = near != NULL && strcmp(near, name) != 0 ? near : NULL;
    return false;
}
