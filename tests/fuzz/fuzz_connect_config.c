/* SPDX-License-Identifier: Apache-2.0 */
/* A connector's properties: checked, translated, and read by the configuration's own parser. A text made
 * of properties that were found right is always YAML that it understands, and a mask shows no secret. */
#include "base/limits.h"
#include "control/connect_kafka.h"
#include "sink/sink.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *ctx, const struct connect_prop *prop, const char *text)
{
    (void)prop;
    assert(text[0] != '\0');
    ++*(size_t *)ctx;
}

static void load(struct buf *text)
{
    struct config *conf = NULL;
    struct error err;
    struct buf report;

    buf_init(&report, LIMIT_CONFIG_REPORT);
    assert(buf_ok(text));
    if (config_load_text("fuzz", buf_view(text), sink_config_kinds(), &conf, &report, &err))
        config_free(conf);
    /* What can be wrong is a value, never the form of the text. */
    assert(!str_starts(buf_view(&report), STR("error[E0206]")) &&
           strstr(buf_cstr(&report), "\nerror[E0206]") == NULL);
    buf_done(&report);
}

static void translate(const struct connect_plugin *plugin, const json_t *config,
                      const json_t *kafka)
{
    static const char *const tables[] = { "public.t" };
    char safe[CONNECT_NAME_TEXT];
    struct buf b;

    buf_init(&b, 64 * MIB);
    connect_safe_name(connect_get(config, "name"), safe);
    if (plugin->source) {
        struct connect_source_text text = { config, safe, "d", tables, 1, kafka };

        connect_source_text(&text, &b);
    } else if (kafka != NULL) {
        connect_sink_text_kafka(plugin, config, safe, kafka, "d", &b);
    } else {
        connect_sink_text(plugin, config, safe, tables, 1, &b);
    }
    load(&b);
    buf_done(&b);
}

/* On a log, and on Kafka. */
static void take(const struct connect_plugin *plugin, const json_t *config, const json_t *kafka)
{
    size_t faults = 0;

    connect_props_check(plugin, config, count, &faults);
    connect_translate_check(plugin, config, kafka != NULL, count, &faults);
    if (faults == 0)
        translate(plugin, config, kafka);
}

static void mask(const struct connect_plugin *plugin, json_t *config)
{
    json_t *shown = connect_masked(plugin, config);
    json_t *back = json_deep_copy(shown);

    connect_unmask(plugin, back, config);
    assert(json_equal(back, config));
    json_decref(back);
    json_decref(shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct connect_plugins plugins;
    static json_t *kafka;
    json_t *config = json_loadb((const char *)data, size, 0, NULL);
    const struct connect_plugin *plugin = NULL;
    const char *key;
    json_t *value;

    if (plugins.count == 0) {
        const struct config_kinds *kinds = sink_config_kinds();

        connect_plugins_init(&plugins, kinds->sinks, kinds->sink_count);
        kafka =
            json_pack("{s:s, s:{s:s}}", "brokers", "localhost:9092", "format", "schemas", "true");
    }
    json_object_foreach(config, key, value)
    {
        if (!json_is_string(value)) {
            json_decref(config);
            return 0;
        }
    }
    if (json_is_object(config))
        plugin = connect_plugin_of(&plugins, config);
    if (plugin != NULL) {
        mask(plugin, config);
        take(plugin, config, NULL);
        take(plugin, config, kafka);
    }
    json_decref(config);
    return 0;
}
