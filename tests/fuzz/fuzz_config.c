/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way of a configuration: bytes -> YAML -> tree -> keys -> rendered faults. */
#include "base/limits.h"
#include "config/config.h"

#include <assert.h>

struct sample {
    const char *text, *secret;
    bool flag;
    int64_t number, duration;
    uint64_t size;
    int choice;
    struct config_strings list;
};

static const char *const choices[] = { "one", "two", NULL };

static const struct config_key group_keys[] = {
    { .name = "duration",
      .type = CONFIG_DURATION,
      .fallback = "5s",
      .offset = offsetof(struct sample, duration),
      .min = 1,
      .max = 60000,
      .help = "A duration." },
    { .name = "size",
      .type = CONFIG_SIZE,
      .offset = offsetof(struct sample, size),
      .help = "A size." },
    { .name = NULL },
};

static const struct config_key keys[] = {
    { .name = "text",
      .type = CONFIG_STRING,
      .required = true,
      .offset = offsetof(struct sample, text),
      .help = "A text." },
    { .name = "secret",
      .type = CONFIG_SECRET,
      .offset = offsetof(struct sample, secret),
      .help = "A secret." },
    { .name = "flag",
      .type = CONFIG_BOOL,
      .offset = offsetof(struct sample, flag),
      .help = "A flag." },
    { .name = "number",
      .type = CONFIG_INT,
      .offset = offsetof(struct sample, number),
      .min = -5,
      .max = 5,
      .help = "A number." },
    { .name = "choice",
      .type = CONFIG_CHOICE,
      .fallback = "one",
      .offset = offsetof(struct sample, choice),
      .choices = choices,
      .help = "A choice." },
    { .name = "list",
      .type = CONFIG_STRINGS,
      .fallback = "[a, b]",
      .offset = offsetof(struct sample, list),
      .help = "A list." },
    { .name = "group", .type = CONFIG_GROUP, .group = group_keys, .help = "A group." },
    { .name = NULL },
};

static const struct config_sink_type types[] = {
    { "sample", "A sink.", keys, sizeof(struct sample), NULL },
};

static bool property(const char *name, const char *value, struct arena *a, const char **ret_why,
                     const char **ret_near)
{
    if (value[0] != '\0')
        return true;
    *ret_near = "acks";
    *ret_why = arena_printf(a, "property \"%s\" is empty", name);
    return false;
}

static const struct config_kinds kinds = { types, 1, property };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL;
    struct error err;
    struct buf report;

    if (size > LIMIT_CONFIG_FILE)
        return 0;
    buf_init(&report, LIMIT_CONFIG_REPORT);
    if (config_load_text("fuzz.yaml", str_make(data, size), &kinds, &c, &report, &err)) {
        /* Either half may be left out, but what is there is whole. */
        assert(c->name != NULL);
        assert(c->sink_count == 0 || c->sinks[0].conf != NULL);
        assert((c->source.url != NULL) == (c->source.tables.count > 0));
        config_free(c);
    } else {
        assert(err.kind == ERR_STOP && report.n > 0);
    }
    /* A terminal gets the report: it is text. */
    assert(buf_ok(&report) && str_is_utf8(buf_view(&report)));
    buf_done(&report);
    return 0;
}
