/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/faults.h"
#include "sink/sink.h"

#include <stdio.h>

const char cli_lint_usage[] =
    "multisink lint pipeline.yaml          every fault at once, with its place\n"
    "multisink lint a.yaml b.yaml          several files\n"
    "multisink lint pipeline.yaml --json   one JSON object per file on stdout\n"
    "\n"
    "Checks configurations offline: nothing is connected to, nothing is changed.\n"
    "Only the files named by ${file:...} are read. Without FILE: pipeline.yaml.\n"
    "\n"
    "  -j, --json   results as JSON\n"
    "\n"
    "Exit: 0 all files are valid, 2 one is not. Warnings do not count.\n"
    "`multisink check` also looks at the servers.\n";

/* One file. The faults are on stderr in text form, as they are messages; with --json they are data. */
static bool lint_file(const char *path, struct buf *text, struct error *err, size_t *ret_sinks)
{
    struct config *config = NULL;

    if (!config_load(path, sink_config_kinds(), &config, text, err))
        return false;
    *ret_sinks = config->sink_count;
    config_free(config);
    return true;
}

static void put_json(struct buf *out, const char *path, bool ok, const struct buf *text,
                     const struct error *err)
{
    bool first = true;

    buf_text(out, "{");
    json_key(out, &first, "file");
    json_string(out, str_from(path));
    json_key(out, &first, "valid");
    buf_text(out, ok ? "true" : "false");
    if (!ok) {
        json_key(out, &first, "code");
        json_string(out, str_from(err->code));
        json_key(out, &first, "message");
        json_string(out, str_from(err->msg));
    }
    json_key(out, &first, "report");
    json_string(out, buf_view(text));
    buf_text(out, "}\n");
}

static void put_text(struct buf *out, const char *path, bool ok, size_t sinks,
                     const struct buf *text, const struct error *err)
{
    cli_show_faults(stderr, text);
    if (ok && !cli_globals()->quiet)
        buf_putf(out, "%s: valid, %zu sink%s\n", path, sinks, sinks == 1 ? "" : "s");
    else if (!ok && text->n == 0)
        (void)cli_failure(err);
}

static bool lint_one(const char *path, bool json, struct buf *out)
{
    struct error err;
    struct buf text;
    size_t sinks = 0;
    bool ok;

    error_clear(&err);
    buf_init(&text, LIMIT_CONFIG_REPORT);
    ok = lint_file(path, &text, &err, &sinks);
    if (json)
        put_json(out, path, ok, &text, &err);
    else
        put_text(out, path, ok, sinks, &text, &err);
    buf_done(&text);
    return ok;
}

int cli_lint(int argc, char **argv)
{
    bool json = false, ok = true;
    const struct cli_option options[] = {
        { "json", 'j', CLI_FLAG, &json },
        { NULL, 0, CLI_FLAG, NULL },
    };
    struct buf out;
    int count;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    buf_init(&out, 16 * MIB);
    if (count == 0)
        ok = lint_one(CLI_CONFIG_FILE, json, &out);
    for (int i = 1; i <= count; i++)
        ok = lint_one(argv[i], json, &out) && ok;
    if (cli_finish(&out) != CLI_OK)
        return CLI_RUNTIME;
    return ok ? CLI_OK : CLI_USAGE;
}
