/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_CONFIG_SAMPLE_TYPES_H
#define TEST_CONFIG_SAMPLE_TYPES_H

/* Kinds of sinks for the tests of the configuration: small, and independent of the real ones. */

#include "config/config.h"

struct sample_redis {
    const char *url;
    const char *password;
    int64_t timeout_ms;
};

static const struct config_key sample_redis_keys[] = {
    { .name = "url",
      .type = CONFIG_STRING,
      .required = true,
      .offset = offsetof(struct sample_redis, url),
      .help = "Where it is." },
    { .name = "password",
      .type = CONFIG_SECRET,
      .offset = offsetof(struct sample_redis, password),
      .help = "Its password." },
    { .name = "timeout",
      .type = CONFIG_DURATION,
      .fallback = "5s",
      .offset = offsetof(struct sample_redis, timeout_ms),
      .min = 1,
      .max = 60000,
      .help = "How long to wait." },
    { .name = NULL },
};

static const struct config_key sample_no_keys[] = { { .name = NULL } };

static const struct config_sink_type sample_types[] = {
    { "cassandra", "Cassandra.", sample_no_keys, 0, NULL },
    { "http", "HTTP.", sample_no_keys, 0, NULL },
    { "redis", "Redis.", sample_redis_keys, sizeof(struct sample_redis), NULL },
    { "stdout", "Lines.", sample_no_keys, 0, NULL },
};

enum { SAMPLE_TYPE_COUNT = sizeof sample_types / sizeof sample_types[0] };

/* As if librdkafka knew two properties, and one of them took digits only. */
static bool sample_property(const char *name, const char *value, struct arena *a,
                            const char **ret_why, const char **ret_near)
{
    bool number = strcmp(name, "retries") == 0;

    if (strcmp(name, "sasl.password") == 0 ||
        (number && strspn(value, "0123456789") == strlen(value)))
        return true;
    *ret_near = number ? NULL : "sasl.password";
    *ret_why = arena_printf(
        a, number ? "property \"%s\" takes another value" : "there is no property \"%s\"", name);
    return false;
}

static const struct config_kinds sample_kinds = { sample_types, SAMPLE_TYPE_COUNT,
                                                  sample_property };

#endif
