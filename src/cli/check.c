/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "cli/check_rows.h"
#include "cli/cli.h"
#include "cli/faults.h"

const char cli_check_usage[] =
    "multisink check                        looks at everything pipeline.yaml names\n"
    "multisink check other.yaml\n"
    "multisink check pipeline.yaml --json   one JSON object on stdout\n"
    "\n"
    "Connects to PostgreSQL, to Kafka and to every sink, and changes nothing anywhere. Each\n"
    "line that says FAIL is followed by what mends it.\n"
    "\n"
    "  -j, --json   findings as JSON\n"
    "\n"
    "Exit: 0 nothing failed (warnings do not count), 2 something must be mended,\n"
    "3 a server cannot be reached.\n";

static int check_config(const struct config *config, bool json)
{
    int64_t start = clock_mono_us(&clock_system);
    struct check c;
    struct buf out;
    int64_t elapsed;
    int code;

    check_init(&c, config);
    c.part = "Config";
    check_add(&c, CHECK_OK, E_NONE, NULL, "valid, %zu table%s, %zu sink%s",
              config->source.tables.count, config->source.tables.count == 1 ? "" : "s",
              config->sink_count, config->sink_count == 1 ? "" : "s");
    if (config->source.node != NULL)
        check_postgres(&c);
    if (config->role != CONFIG_ROLE_DELIVER)
        check_log(&c);
    if (config->stream.kind == CONFIG_STREAM_KAFKA)
        check_kafka(&c);
    check_sinks(&c);
    elapsed = clock_mono_us(&clock_system) - start;
    buf_init(&out, 16 * MIB);
    if (json)
        check_put_json(&c, config->path, elapsed, &out);
    else
        check_put_text(&c, config->path, elapsed, &out);
    code = check_exit(&c);
    check_done(&c);
    return cli_finish(&out) == CLI_OK ? code : CLI_RUNTIME;
}

int cli_check(int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        { "json", 'j', CLI_FLAG, &json },
        { NULL, 0, CLI_FLAG, NULL },
    };
    struct config *config;
    int count, code;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    if (count > 1)
        return cli_usage_error("check", "it takes one file, not %d", count);
    config = cli_load_config(count == 1 ? argv[1] : NULL);
    if (config == NULL)
        return CLI_USAGE;
    code = check_config(config, json);
    config_free(config);
    return code;
}
