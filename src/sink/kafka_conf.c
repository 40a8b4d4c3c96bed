/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/kafka_conf.h"

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
