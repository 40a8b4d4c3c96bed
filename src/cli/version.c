/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "sink/sink.h"

const char cli_version_usage[] = "multisink version          version, compiler, sinks\n"
                                 "multisink version --json   the same as JSON\n";

#ifdef __clang__
#    define COMPILER "clang " __clang_version__
#else
#    define COMPILER "gcc " __VERSION__
#endif

static void put_text(struct buf *b)
{
    size_t count;
    const struct sink_ops *const *sinks = sink_list(&count);

    buf_putf(b, "multisink %s\n", MULTISINK_VERSION);
    buf_text(b, "sinks:      ");
    for (size_t i = 0; i < count; i++)
        buf_putf(b, "%s%s", i > 0 ? ", " : "", sinks[i]->name);
    buf_putf(b, "\nbuilt with: %s\n", COMPILER);
}

static void put_json(struct buf *b)
{
    size_t count;
    const struct sink_ops *const *sinks = sink_list(&count);
    bool first = true;

    buf_text(b, "{");
    json_key(b, &first, "version");
    json_string(b, str_from(MULTISINK_VERSION));
    json_key(b, &first, "sinks");
    buf_text(b, "[");
    for (size_t i = 0; i < count; i++) {
        buf_text(b, i > 0 ? "," : "");
        json_string(b, str_from(sinks[i]->name));
    }
    buf_text(b, "]");
    json_key(b, &first, "compiler");
    json_string(b, str_from(COMPILER));
    buf_text(b, "}\n");
}

int cli_version(int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        { "json", 'j', CLI_FLAG, &json },
        { NULL, 0, CLI_FLAG, NULL },
    };
    struct buf b;
    int count;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    if (count > 0)
        return cli_usage_error("version", "it takes no arguments");
    buf_init(&b, MIB);
    if (json)
        put_json(&b);
    else
        put_text(&b);
    return cli_finish(&b);
}
