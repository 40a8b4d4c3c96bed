/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "pipeline/park.h"
#include "pipeline/park_topic.h"
#include "pipeline/supervisor.h"
#include "process/rowjson.h"
#include "sink/kafka_conf.h"

#include <stdlib.h>
#include <unistd.h>

const char cli_dlq_usage[] =
    "multisink dlq list                      all parked records of ./pipeline.yaml\n"
    "multisink dlq list --sink top           those of one sink\n"
    "multisink dlq show 17                   one record: the change and the reason\n"
    "multisink dlq replay --sink top 17      send it again (and what waits behind it, in order)\n"
    "multisink dlq replay --sink top --all   everything of that sink\n"
    "multisink dlq drop --sink top 17        forget it; what waits behind it is sent\n"
    "\n"
    "Parked records are changes that a target refused for good. A running daemon carries requests out\n"
    "within a second; otherwise the next start does. Records of a sink that is no longer in the\n"
    "configuration can be listed and dropped.\n"
    "\n"
    "  --config FILE  the configuration (pipeline.yaml)\n"
    "  --sink NAME    the sink\n"
    "  --all          every record of the sink\n"
    "  --json         one JSON object a line\n";

struct dlq {
    const char *config_path;
    const char *sink;
    bool orphan; /* `sink` is not in the configuration: nobody carries requests out */
    bool all;
    bool as_json;
    int64_t id;
    struct buf out;
    uint64_t shown;
};

static void put_json(struct buf *b, const struct park_record *r, const struct change *c)
{
    char when[CLOCK_TEXT];
    bool first = true;
    const struct {
        const char *name;
        struct str text;
    } texts[] = { { "sink", r->sink },    { "position", r->position }, { "table", r->relation },
                  { "op", r->op },        { "key", r->key_text },      { "code", r->code },
                  { "reason", r->reason } };

    buf_u8(b, '{');
    json_key(b, &first, "id");
    buf_dec(b, r->id);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_key(b, &first, texts[i].name);
        json_string(b, texts[i].text);
    }
    json_key(b, &first, "waiting");
    buf_text(b, r->waiting ? "true" : "false");
    json_key(b, &first, "attempts");
    buf_dec(b, r->attempts);
    json_key(b, &first, "requested");
    buf_text(b, r->action == PARK_NONE     ? "null"
                : r->action == PARK_REPLAY ? "\"replay\""
                                           : "\"drop\"");
    json_key(b, &first, "parked");
    json_string(b, str_from(clock_format_us(r->parked_us, when)));
    if (c != NULL) {
        json_key(b, &first, "change");
        rowjson_change(c, b);
    }
    buf_text(b, "}\n");
}

static void put_text(struct buf *b, const struct park_record *r)
{
    buf_putf(b, "%6lld  %-12.*s %-8.*s %.*s %.*s\n", (long long)r->id, STR_ARG(r->sink),
             STR_ARG(r->op), STR_ARG(r->relation), STR_ARG(r->key_text));
    buf_putf(b, "        %.*s%s", STR_ARG(r->code), r->code.n > 0 ? " " : "");
    json_escaped(b, r->reason);
    buf_putf(b, "%s\n",
             r->action == PARK_REPLAY ? " (replay asked for)"
             : r->action == PARK_DROP ? " (drop asked for)"
                                      : "");
}

static bool list_one(void *ctx, const struct park_record *r)
{
    struct dlq *dlq = ctx;

    if (dlq->as_json)
        put_json(&dlq->out, r, NULL);
    else
        put_text(&dlq->out, r);
    dlq->shown++;
    /* Printed as it goes, so that a long list needs no memory. */
    if (dlq->out.n < 64 * KIB)
        return true;
    if (!cli_print(&dlq->out))
        return false;
    buf_clear(&dlq->out);
    return true;
}

static int end_list(struct dlq *dlq)
{
    if (dlq->shown == 0 && !dlq->as_json)
        buf_text(&dlq->out, "nothing is parked\n");
    return cli_print(&dlq->out) ? CLI_OK : CLI_RUNTIME;
}

static int list(struct dlq *dlq, struct state *st)
{
    struct error err;

    if (!park_each(st, dlq->sink, STR_NONE, list_one, dlq, &err))
        return cli_failure(&err);
    return end_list(dlq);
}

static bool show_one(void *ctx, const struct park_record *r)
{
    struct dlq *dlq = ctx;
    struct change c;
    struct arena a;

    if (r->id != dlq->id)
        return true;
    arena_init(&a, LIMIT_ARENA);
    put_json(&dlq->out, r, park_change(r, &a, &c) ? &c : NULL);
    arena_done(&a);
    dlq->shown++;
    return false;
}

static int no_such(const struct dlq *dlq)
{
    struct error err;

    (void)error_set(&err, ERR_STOP, E_PARK_UNKNOWN,
                    "cannot find parked record %lld%s%s; nothing was changed", (long long)dlq->id,
                    dlq->sink != NULL ? " of sink " : "", dlq->sink != NULL ? dlq->sink : "");
    return cli_failure(&err);
}

static int show(struct dlq *dlq, struct state *st)
{
    struct error err;

    if (!park_each(st, dlq->sink, STR_NONE, show_one, dlq, &err))
        return cli_failure(&err);
    if (dlq->shown == 0)
        return no_such(dlq);
    return cli_print(&dlq->out) ? CLI_OK : CLI_RUNTIME;
}

static int request(struct dlq *dlq, struct state *st, enum park_action action)
{
    int64_t count;
    struct error err;

    if (dlq->sink == NULL || (dlq->id == 0) == !dlq->all)
        return cli_usage_error("dlq", "say which: --sink NAME and a record's number, or --all");
    if (dlq->orphan && action == PARK_REPLAY)
        return cli_usage_error("dlq", "there is no sink \"%s\" any more to send to", dlq->sink);
    if (dlq->orphan ? !park_forget(st, dlq->sink, dlq->all ? 0 : dlq->id, &count, &err)
                    : !park_request(st, dlq->sink, dlq->all ? 0 : dlq->id, action, &count, &err)) {
        return cli_failure(&err);
    }
    if (count == 0 && !dlq->all)
        return no_such(dlq);
    buf_putf(&dlq->out, "%lld record(s) will be %s\n", (long long)count,
             action == PARK_REPLAY ? "sent again" : "dropped");
    return cli_print(&dlq->out) ? CLI_OK : CLI_RUNTIME;
}

static int act(struct dlq *dlq, const char *verb, struct state *st)
{
    struct error err;
    int64_t count;

    if (dlq->orphan && !park_count(st, dlq->sink, &count, &err))
        return cli_failure(&err);
    if (dlq->orphan && count == 0)
        return cli_usage_error("dlq", "there is no sink \"%s\", and nothing parked of it",
                               dlq->sink);
    if (strcmp(verb, "list") == 0)
        return list(dlq, st);
    if (strcmp(verb, "show") == 0)
        return show(dlq, st);
    return request(dlq, st, strcmp(verb, "replay") == 0 ? PARK_REPLAY : PARK_DROP);
}

static bool has_state(const char *dir)
{
    char *path = mem_printf("%s/state.db", dir);
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

static int with_state(struct dlq *dlq, const char *verb, const char *dir)
{
    struct state *st;
    struct error err;
    int code;

    if (!has_state(dir)) {
        (void)error_set(&err, ERR_STOP, E_NOT_RUNNING,
                        "cannot find state.db in %s: no daemon has run there yet", dir);
        return cli_failure(&err);
    }
    if (!state_open(dir, false, &st, &err))
        return cli_failure(&err);
    code = act(dlq, verb, st);
    state_close(st);
    return code;
}

/* ---- with a stream in Kafka ---------------------------------------------------------------------- */

/* What a request has left in the mirror goes to whoever serves the partition. */
static bool send_requests(const struct dlq *dlq, struct park_topic *t,
                          const struct kafka_settings *settings, const char *topic,
                          struct error *err)
{
    const struct kafka_table_writer_opts opts = { .settings = *settings, .topic = topic };
    struct kafka_table_writer *writer;
    bool ok;

    if (!kafka_table_writer_open(&opts, &writer, err))
        return false;
    ok = park_topic_ask(t, writer, dlq->orphan, err);
    kafka_table_writer_close(writer);
    return ok;
}

static int act_on_topic(struct dlq *dlq, const char *verb, struct park_topic *t,
                        const struct kafka_settings *settings, const char *topic)
{
    struct state *st = park_topic_state(t);
    struct error err;
    int code;

    if (strcmp(verb, "list") == 0)
        return park_each(st, dlq->sink, STR_NONE, list_one, dlq, &err) ? CLI_OK : cli_failure(&err);
    if (strcmp(verb, "show") == 0)
        return park_each(st, dlq->sink, STR_NONE, show_one, dlq, &err) ? CLI_OK : cli_failure(&err);
    code = act(dlq, verb, st);
    if (code == CLI_OK && !send_requests(dlq, t, settings, topic, &err))
        return cli_failure(&err);
    return code;
}

static int with_topic(struct dlq *dlq, const char *verb, const struct config *config,
                      const char *sink)
{
    struct park_topic_opts opts = { .sink = sink };
    struct park_topic *t;
    struct arena a;
    struct error err;
    char *topic = park_topic_name(config->stream.kafka.topic_prefix, sink);
    int code = CLI_OK;

    arena_init(&a, LIMIT_CONFIG_ARENA);
    sink_kafka_settings(&config->stream.kafka, &a, &opts.settings);
    opts.topic = topic;
    if (!park_topic_open(&opts, &t, &err)) {
        code = cli_failure(&err);
    } else {
        code = park_topic_catch_up(t, -1, &err) ? act_on_topic(dlq, verb, t, &opts.settings, topic)
                                                : cli_failure(&err);
        park_topic_close(t);
    }
    arena_done(&a);
    free(topic);
    return code;
}

static bool is_publisher(const struct config *config, const char *sink)
{
    return config->stream.kind == CONFIG_STREAM_KAFKA && strcmp(sink, SUPERVISOR_PUBLISHER) == 0;
}

/* What could not be written to Kafka is parked where it was captured. */
static int look_at_publisher(struct dlq *dlq, const char *verb, const struct config *config)
{
    bool lists = strcmp(verb, "list") == 0;
    struct state *st;
    struct error err;
    bool ok;

    if (!has_state(config->stream.dir)) /* captured elsewhere */
        return CLI_OK;
    if (!state_open(config->stream.dir, false, &st, &err))
        return cli_failure(&err);
    ok = park_each(st, SUPERVISOR_PUBLISHER, STR_NONE, lists ? list_one : show_one, dlq, &err);
    state_close(st);
    return ok ? CLI_OK : cli_failure(&err);
}

/* Records are numbered for each sink by itself. */
static int with_topics(struct dlq *dlq, const char *verb, const struct config *config)
{
    bool asks = strcmp(verb, "list") != 0 && strcmp(verb, "show") != 0;
    int code = CLI_OK;

    if (dlq->sink != NULL && is_publisher(config, dlq->sink))
        return with_state(dlq, verb, config->stream.dir);
    if (asks || dlq->sink != NULL) {
        if (dlq->sink == NULL)
            return cli_usage_error("dlq", "say which: --sink NAME and a record's number, or --all");
        code = with_topic(dlq, verb, config, dlq->sink);
    } else {
        code = look_at_publisher(dlq, verb, config);
        for (size_t i = 0; i < config->sink_count && code == CLI_OK; i++)
            code = with_topic(dlq, verb, config, config->sinks[i].name);
    }
    if (code != CLI_OK || asks)
        return code;
    if (strcmp(verb, "list") == 0)
        return end_list(dlq);
    if (dlq->shown == 0)
        return no_such(dlq);
    return cli_print(&dlq->out) ? CLI_OK : CLI_RUNTIME;
}

static bool known_sink(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->sink_count; i++) {
        if (strcmp(config->sinks[i].name, name) == 0)
            return true;
    }
    return false;
}

static int with_config(struct dlq *dlq, const char *verb)
{
    struct config *config = cli_load_config(dlq->config_path);
    int code;

    if (config == NULL)
        return CLI_USAGE;
    dlq->orphan =
        dlq->sink != NULL && !known_sink(config, dlq->sink) && !is_publisher(config, dlq->sink);
    buf_init(&dlq->out, LIMIT_PG_MESSAGE * 2);
    code = config->stream.kind == CONFIG_STREAM_KAFKA ? with_topics(dlq, verb, config)
                                                      : with_state(dlq, verb, config->stream.dir);
    buf_done(&dlq->out);
    config_free(config);
    return code;
}

int cli_dlq(int argc, char **argv)
{
    static const char *const verbs[] = { "list", "show", "replay", "drop" };
    struct dlq dlq = { .config_path = NULL };
    struct cli_option options[] = { { "config", 'c', CLI_TEXT, &dlq.config_path },
                                    { "sink", 0, CLI_TEXT, &dlq.sink },
                                    { "all", 0, CLI_FLAG, &dlq.all },
                                    { "json", 0, CLI_FLAG, &dlq.as_json },
                                    { NULL, 0, CLI_FLAG, NULL } };
    int count;
    int verb;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    verb = cli_verb("dlq", count, argv, verbs, sizeof verbs / sizeof verbs[0]);
    if (verb < 0)
        return CLI_USAGE;
    if (count > 1 && (!str_to_i64(str_from(argv[2]), &dlq.id) || dlq.id < 1))
        return cli_usage_error("dlq", "\"%s\" is not the number of a record", argv[2]);
    if (strcmp(verbs[verb], "show") == 0 && dlq.id == 0)
        return cli_usage_error("dlq", "show takes the number of a record");
    return with_config(&dlq, verbs[verb]);
}
