/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/daemon.h"

#include <jansson.h>

const char cli_status_usage[] =
    "multisink status                        how the pipeline of ./pipeline.yaml is doing\n"
    "multisink status pipeline.yaml --json   the same for a program\n"
    "\n"
    "Asks the running daemon through the socket in its data directory. Exit 0 when all is well, 6 when\n"
    "a sink or the source is not, 3 when no daemon runs.\n"
    "\n"
    "  --json   the whole answer, as one JSON object\n";

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "-";
}

static void put_bytes(struct buf *b, double bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;

    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    buf_putf(b, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

static void put_last_error(struct buf *b, const json_t *object)
{
    const json_t *error = json_object_get(object, "last_error");
    bool over = strcmp(text_of(object, "state"), "running") == 0;

    if (!json_is_object(error))
        return;
    buf_putf(b, "           %s %s: ", over ? "earlier" : "error", text_of(error, "code"));
    cli_put_wrapped(b, text_of(error, "message"), 25, cli_width(1));
    buf_text(b, "\n");
}

static void put_source(struct buf *b, const json_t *root)
{
    const json_t *source = json_object_get(root, "source");

    if (!json_is_object(source))
        return;
    buf_putf(b, "Source     %-9s %s\n", text_of(source, "state"), text_of(source, "server"));
    buf_putf(b, "           confirmed %s, received %s, WAL kept for us ",
             text_of(source, "confirmed_lsn"), text_of(source, "received_lsn"));
    put_bytes(b, json_number_value(json_object_get(source, "retained_wal_bytes")));
    buf_text(b, "\n");
    put_last_error(b, source);
}

static void put_log(struct buf *b, const json_t *root, const char *title)
{
    const json_t *stream = json_object_get(root, "stream");

    buf_putf(b, "%-10s ", title);
    put_bytes(b, json_number_value(json_object_get(stream, "bytes")));
    buf_putf(b, " in %lld segment(s), up to %s\n",
             (long long)json_integer_value(json_object_get(stream, "segments")),
             text_of(json_object_get(root, "source"), "position"));
}

static void put_delays(struct buf *b, const json_t *part)
{
    const json_t *latency = json_object_get(part, "latency");

    buf_putf(b, "           %lld rows, behind %.3f s and ",
             (long long)json_integer_value(json_object_get(part, "rows")),
             json_number_value(json_object_get(part, "lag_seconds")));
    put_bytes(b, json_number_value(json_object_get(part, "lag_bytes")));
    buf_putf(b, ", commit to ack p50 %.1f ms, p99 %.1f ms\n",
             json_number_value(json_object_get(latency, "p50_seconds")) * 1e3,
             json_number_value(json_object_get(latency, "p99_seconds")) * 1e3);
}

static void put_parked(struct buf *b, const json_t *part, const char *name)
{
    long long parked = (long long)json_integer_value(json_object_get(part, "parked"));

    if (parked > 0)
        buf_putf(b, "           %lld parked: multisink dlq list --sink %s\n", parked, name);
}

static void put_stream(struct buf *b, const json_t *root)
{
    const json_t *stream = json_object_get(root, "stream");

    if (strcmp(text_of(stream, "kind"), "kafka") != 0) {
        put_log(b, root, "Log");
        return;
    }
    if (json_object_get(stream, "position") == NULL)
        return; /* nothing is captured here: the sinks say where they stand */
    buf_putf(b, "Kafka      %-9s %s.* on %s, up to %s\n", text_of(stream, "state"),
             text_of(stream, "topic_prefix"), text_of(stream, "brokers"),
             text_of(stream, "position"));
    put_delays(b, stream);
    put_parked(b, stream, "kafka:publisher");
    put_last_error(b, stream);
    put_log(b, root, "Spool");
}

static void put_sink(struct buf *b, const json_t *sink)
{
    buf_putf(b, "Sink       %-9s %s (%s) at %s\n", text_of(sink, "state"), text_of(sink, "name"),
             text_of(sink, "type"), text_of(sink, "position"));
    put_delays(b, sink);
    put_parked(b, sink, text_of(sink, "name"));
    put_last_error(b, sink);
}

static void put_status(struct buf *b, const json_t *root)
{
    const json_t *sinks = json_object_get(root, "sinks");

    buf_putf(b, "multisink %s, pipeline %s: %s (pid %lld, since %.19sZ)\n",
             text_of(root, "version"), text_of(root, "pipeline"), text_of(root, "state"),
             (long long)json_integer_value(json_object_get(root, "pid")), text_of(root, "started"));
    put_source(b, root);
    put_stream(b, root);
    for (size_t i = 0; i < json_array_size(sinks); i++)
        put_sink(b, json_array_get(sinks, i));
}

static int exit_code(const json_t *root)
{
    const char *state = text_of(root, "state");

    return strcmp(state, "degraded") == 0 || strcmp(state, "failed") == 0 ? CLI_UNHEALTHY : CLI_OK;
}

static int show(struct buf *body, bool as_json)
{
    json_t *root = json_loadb(body->p, body->n, JSON_REJECT_DUPLICATES, NULL);
    struct buf text;
    bool printed;
    int code;

    if (root == NULL)
        return cli_usage_error("status",
                               "the daemon's answer makes no sense; is it of another version?");
    buf_init(&text, MIB);
    if (as_json)
        buf_str(&text, buf_view(body));
    else
        put_status(&text, root);
    code = exit_code(root);
    printed = cli_print(&text);
    buf_done(&text);
    json_decref(root);
    return printed ? code : CLI_RUNTIME;
}

int cli_status(int argc, char **argv)
{
    bool as_json = false;
    struct cli_option options[] = { { "json", 0, CLI_FLAG, &as_json },
                                    { NULL, 0, CLI_FLAG, NULL } };
    struct config *config;
    struct error err;
    struct buf body;
    int count;
    int code;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    if (count > 1)
        return cli_usage_error("status", "takes one file, not %d", count);
    config = cli_load_config(count == 1 ? argv[1] : NULL);
    if (config == NULL)
        return CLI_USAGE;
    buf_init(&body, 4 * MIB);
    code = daemon_get(config->stream.dir, "/v1/status", &body, &err) ? show(&body, as_json)
                                                                     : cli_failure(&err);
    buf_done(&body);
    config_free(config);
    return code;
}
