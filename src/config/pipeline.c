/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of a pipeline file, and its list of sinks. */
#include "config/pipeline.h"

#define SECOND_MS ((int64_t)1000)
#define HOUR_MS   (3600 * SECOND_MS)
#define DAY_MS    (24 * HOUR_MS)

static const char *const snapshot_choices[] = { "initial", "never", NULL };
static const char *const full_choices[] = { "stop", "drop", NULL };

/* ---- source.postgres ------------------------------------------------------------------------------ */

static void parse_url(const struct config_node *node, void *field, struct config_report *rep)
{
    struct config_source *source = field;

    if (node->kind != CONFIG_SCALAR)
        config_fault(rep, node, E_CONFIG_TYPE, "\"url\" expects a single value");
    else if (!node->unresolved)
        (void)config_postgres_url(node, rep, &source->url, &source->url_password);
}

static const struct config_key heartbeat_keys[] = {
    { .name = "query",
      .type = CONFIG_STRING,
      .offset = offsetof(struct config_source, heartbeat_query),
      .help =
          "A statement, for example `INSERT INTO public.heartbeat VALUES (1, now()) ON CONFLICT (id) DO "
          "UPDATE SET at = now()`. Names need their schema. Without it there is no heartbeat." },
    { .name = "interval",
      .type = CONFIG_DURATION,
      .fallback = "10s",
      .offset = offsetof(struct config_source, heartbeat_ms),
      .min = SECOND_MS,
      .max = DAY_MS,
      .help = "How often it is run." },
    { .name = NULL },
};

const struct config_key config_postgres_keys[] = {
    { .name = "url",
      .type = CONFIG_CUSTOM,
      .required = true,
      .parse = parse_url,
      .help =
          "Where the database is: `postgres://user@host:5432/database`. libpq's parameters may follow "
          "a `?`, for example `?sslmode=verify-full`. A server on another machine must speak TLS unless "
          "`sslmode` says otherwise." },
    { .name = "password",
      .type = CONFIG_SECRET,
      .offset = offsetof(struct config_source, password),
      .help =
          "The user's password, best as `${env:NAME}` or `${file:/path}`. Without it libpq's own means "
          "are used (`~/.pgpass`, peer, certificates)." },
    { .name = "slot",
      .type = CONFIG_STRING,
      .offset = offsetof(struct config_source, slot),
      .help =
          "The replication slot, made if missing. Default: `multisink_` and the pipeline's name, with "
          "`_` for `-`." },
    { .name = "publication",
      .type = CONFIG_STRING,
      .offset = offsetof(struct config_source, publication),
      .help =
          "The publication, made if missing. Default: `multisink_` and the pipeline's name, with `_` "
          "for `-`." },
    { .name = "tables",
      .type = CONFIG_STRINGS,
      .required = true,
      .offset = offsetof(struct config_source, tables),
      .help = "The tables to capture, each as `schema.table`, matched exactly." },
    { .name = "snapshot",
      .type = CONFIG_CHOICE,
      .fallback = "initial",
      .offset = offsetof(struct config_source, snapshot),
      .choices = snapshot_choices,
      .help =
          "Whether the rows that are there already are copied first. `initial` copies them when the "
          "slot is made by multisink; a slot that exists already is streamed from where it stands." },
    { .name = "status_interval",
      .type = CONFIG_DURATION,
      .fallback = "10s",
      .offset = offsetof(struct config_source, status_interval_ms),
      .min = SECOND_MS,
      .max = 60 * SECOND_MS,
      .help =
          "The longest time between two reports of the position to PostgreSQL. Keep it below a third "
          "of the server's wal_sender_timeout." },
    { .name = "signal_table",
      .type = CONFIG_STRING,
      .offset = offsetof(struct config_source, signal_table),
      .help =
          "A table `schema.table` with the columns id, type and data, all text, as Debezium's: each row "
          "that is inserted asks for something, `execute-snapshot` for a copy of tables while changes "
          "go on. It must be in the publication; it is not captured unless `tables` names it." },
    { .name = "incremental_chunk",
      .type = CONFIG_INT,
      .fallback = "1024",
      .offset = offsetof(struct config_source, incremental_chunk),
      .min = 1,
      .max = LIMIT_PG_CHUNK,
      .help = "How many rows such a copy reads at a time; they are held in memory." },
    { .name = "heartbeat",
      .type = CONFIG_GROUP,
      .group = heartbeat_keys,
      .help =
          "A statement that is run in the source database now and then, while nothing else comes from "
          "there. The slot does not need it to move on; whoever watches the way from a commit to the "
          "sinks may." },
    { .name = "messages",
      .type = CONFIG_BOOL,
      .fallback = "false",
      .offset = offsetof(struct config_source, messages),
      .help =
          "Whether logical messages (`pg_logical_emit_message`) are captured too. With a stream in Kafka "
          "they are unless this says `false`; no sink is given one." },
    { .name = NULL },
};

static const struct config_key source_keys[] = {
    { .name = "postgres",
      .type = CONFIG_GROUP,
      .required = true,
      .group = config_postgres_keys,
      .help = "A PostgreSQL database, version 14 or newer." },
    { .name = NULL },
};

/* ---- stream --------------------------------------------------------------------------------------- */

const struct config_key config_log_keys[] = {
    { .name = "dir",
      .type = CONFIG_STRING,
      .fallback = "data",
      .offset = offsetof(struct config_stream, dir),
      .help =
          "The data directory: the log, the positions and parked records (state.db), the lock and the "
          "control socket. A relative path starts at the working directory." },
    { .name = "keep",
      .type = CONFIG_DURATION,
      .fallback = "7d",
      .offset = offsetof(struct config_stream, keep_ms),
      .max = 3650 * DAY_MS,
      .help = "Changes that every sink has are kept at least this long." },
    { .name = "max_size",
      .type = CONFIG_SIZE,
      .fallback = "20GiB",
      .offset = offsetof(struct config_stream, max_size),
      .min = (int64_t)(16 * MIB),
      .max = (int64_t)1 << 50,
      .help =
          "The log does not grow beyond this. Changes that every sink has go first, whatever `keep` "
          "says." },
    { .name = "segment",
      .type = CONFIG_SIZE,
      .fallback = "64MiB",
      .offset = offsetof(struct config_stream, segment),
      .min = (int64_t)MIB,
      .max = (int64_t)LIMIT_LOG_SEGMENT,
      .help = "The size of one file of the log; space is given back a file at a time." },
    { .name = "safety_window",
      .type = CONFIG_DURATION,
      .fallback = "1h",
      .offset = offsetof(struct config_stream, safety_window_ms),
      .max = 30 * DAY_MS,
      .help =
          "Changes that every sink has are never given up before this age: a sink may lose its last "
          "moments (a Redis without fsync) and is then replayed." },
    { .name = "when_full",
      .type = CONFIG_CHOICE,
      .fallback = "stop",
      .offset = offsetof(struct config_stream, when_full),
      .choices = full_choices,
      .help =
          "What happens when `max_size` is reached because a sink is behind. `stop`: reading from "
          "PostgreSQL waits, nothing is lost, and PostgreSQL keeps the WAL. `drop`: the oldest changes "
          "are given up, and the sinks that still needed them stop." },
    { .name = NULL },
};

static const struct config_key stream_keys[] = {
    { .name = "log",
      .type = CONFIG_GROUP,
      .group = config_log_keys,
      .help = "The embedded log: files on this machine, no other server needed." },
    { .name = "kafka",
      .type =
          CONFIG_CUSTOM, /* its keys and those of `log` share fields: only one of the two is read */
      .parse = config_parse_kafka,
      .help = "Topics in Kafka." },
    { .name = NULL },
};

/* ---- control -------------------------------------------------------------------------------------- */

static const struct config_key control_tls_keys[] = {
    { .name = "cert",
      .type = CONFIG_STRING,
      .required = true,
      .offset = offsetof(struct config_control, cert),
      .help = "File with the certificate and those between it and its root, as PEM." },
    { .name = "key",
      .type = CONFIG_STRING,
      .required = true,
      .offset = offsetof(struct config_control, key),
      .help = "File with its key, as PEM." },
    { .name = NULL },
};

const struct config_key config_control_keys[] = {
    { .name = "listen",
      .type = CONFIG_STRING,
      .offset = offsetof(struct config_control, listen),
      .help =
          "Where Kafka Connect's REST API is served, as `host:port`, or `off`. Default: "
          "`127.0.0.1:8083`, and when that port is taken multisink runs without it; an address that is "
          "given here must be free. Another address than this machine's own needs `token` and `tls`." },
    { .name = "token",
      .type = CONFIG_SECRET,
      .offset = offsetof(struct config_control, token),
      .help =
          "Requests must carry it: `Authorization: Bearer TOKEN`. At least 16 characters, best as "
          "`${file:/path}`." },
    { .name = "tls",
      .type = CONFIG_GROUP,
      .group = control_tls_keys,
      .help = "Serve it over TLS." },
    { .name = NULL },
};

/* ---- the root ------------------------------------------------------------------------------------- */

static void parse_version(const struct config_node *node, void *field, struct config_report *rep)
{
    (void)field;
    if (node->kind == CONFIG_SCALAR && str_is(node->text, "1"))
        return;
    if (node->kind != CONFIG_SCALAR || config_is_null(node))
        config_fault(rep, node, E_CONFIG_VERSION, "\"version\" is 1");
    else if (!node->unresolved)
        config_fault(rep, node, E_CONFIG_VERSION, "\"version\" is 1, not \"%s\"",
                     config_shown(rep, node));
}

static const char *const role_choices[] = { "all", "capture", "deliver", NULL };

const struct config_key config_root_keys[] = {
    { .name = "version",
      .type = CONFIG_CUSTOM,
      .required = true,
      .parse = parse_version,
      .help = "The format of the file: 1." },
    { .name = "name",
      .type = CONFIG_STRING,
      .required = true,
      .offset = offsetof(struct config, name),
      .help =
          "The pipeline's name: a-z, 0-9, _ and -, at most 53 of them. Positions are kept under it, so "
          "do not change it." },
    { .name = "role",
      .type = CONFIG_CHOICE,
      .offset = offsetof(struct config, role),
      .choices = role_choices,
      .help =
          "What this process does; only with `stream.kafka`. `capture`: from PostgreSQL into Kafka, "
          "`sinks` may be left out. `deliver`: from Kafka into the sinks, `source` may be left out. `all`: "
          "both. Default: what the file has the parts for. `run --role` goes before it." },
    { .name = "source",
      .type = CONFIG_GROUP,
      .offset = offsetof(struct config, source),
      .group = source_keys,
      .help =
          "Where changes come from. **Required** unless the role is `deliver`; without `source` and "
          "`sinks` the connectors come over REST." },
    { .name = "stream",
      .type = CONFIG_GROUP,
      .offset = offsetof(struct config, stream),
      .group = stream_keys,
      .help = "Where changes are kept on their way." },
    { .name = "control",
      .type = CONFIG_GROUP,
      .offset = offsetof(struct config, control),
      .group = config_control_keys,
      .help = "Kafka Connect's REST API (docs/connect.md)." },
    { .name = "sinks",
      .type = CONFIG_CUSTOM,
      .parse = config_parse_sinks,
      .help =
          "Where changes go: a list of sinks, each with a name and exactly one kind. **Required** "
          "unless the role is `capture`. `[]`: they come over REST." },
    { .name = NULL },
};

/* ---- sinks ---------------------------------------------------------------------------------------- */

static const struct config_key retry_keys[] = {
    { .name = "initial",
      .type = CONFIG_DURATION,
      .fallback = "500ms",
      .offset = offsetof(struct config_sink, retry_initial_ms),
      .min = 1,
      .max = HOUR_MS,
      .help = "The first pause after an error that can pass; it doubles each time, with jitter." },
    { .name = "max",
      .type = CONFIG_DURATION,
      .fallback = "30s",
      .offset = offsetof(struct config_sink, retry_max_ms),
      .min = 1,
      .max = DAY_MS,
      .help = "The longest pause. It is tried again for as long as it takes." },
    { .name = NULL },
};

const struct config_key config_sink_keys[] = {
    { .name = "name",
      .type = CONFIG_STRING,
      .required = true,
      .offset = offsetof(struct config_sink, name),
      .help =
          "The sink's name: a-z, 0-9, _ and -, at most 53 of them, unique in the file. Its position is "
          "kept under it, so a sink with a new name starts anew." },
    { .name = "from",
      .type = CONFIG_STRINGS,
      .offset = offsetof(struct config_sink, from),
      .help =
          "The table it reads, or a list of tables, out of `source.postgres.tables`. Needed, but for a "
          "sink with `topics`." },
    { .name = "topics",
      .type = CONFIG_STRINGS,
      .offset = offsetof(struct config_sink, topics),
      .help =
          "With stream.kafka: the topics it reads, by their full names, where they are not those of the "
          "tables in `from`; for topics that a real Debezium writes. Without `from`, all tables in them." },
    { .name = "pause",
      .type = CONFIG_BOOL,
      .fallback = "false",
      .offset = offsetof(struct config_sink, pause),
      .help = "`true`: nothing is delivered, the position stays; the other sinks go on." },
    { .name = "park_max",
      .type = CONFIG_INT,
      .fallback = "1000",
      .offset = offsetof(struct config_sink, park_max),
      .max = LIMIT_PARKED,
      .help =
          "Records that the target refuses for good are parked. With more than this many parked the "
          "sink stops: a wave of them is a mistake, not bad data." },
    { .name = "retry",
      .type = CONFIG_GROUP,
      .group = retry_keys,
      .help = "Pauses between attempts while the target cannot be reached." },
    { .name = "batch_rows",
      .type = CONFIG_INT,
      .fallback = "1000",
      .offset = offsetof(struct config_sink, batch_rows),
      .min = 1,
      .max = LIMIT_BATCH_ROWS,
      .help = "At most this many changes are given to the target at once." },
    { .name = NULL },
};

static const struct config_sink_type *find_type(const struct config_report *rep, struct str name)
{
    for (size_t i = 0; i < rep->kinds->sink_count; i++) {
        if (str_is(name, rep->kinds->sinks[i].name))
            return &rep->kinds->sinks[i];
    }
    return NULL;
}

static size_t type_names(const struct config_report *rep, const char **names, size_t n, size_t cap)
{
    for (size_t i = 0; i < rep->kinds->sink_count && n < cap; i++)
        names[n++] = rep->kinds->sinks[i].name;
    return n;
}

/* What the walk over one sink's keys found. */
struct sink_walk {
    struct config_report *rep;
    const struct config_node *map;
    const struct config_node *type_key; /* the first kind */
    bool unknown_type;                  /* said already */
};

/* A key that is no common one: a kind of sink, or a misspelt one. A key with a map behind it was meant
 * as a kind, unless it is near a common key. */
static bool take_type_key(void *ctx, const struct config_node *key)
{
    struct sink_walk *walk = ctx;
    const char *common[CONFIG_NAMES_MAX], *types[CONFIG_NAMES_MAX];
    size_t common_n = config_key_names(config_sink_keys, common, 0, CONFIG_NAMES_MAX);
    size_t type_n = type_names(walk->rep, types, 0, CONFIG_NAMES_MAX);

    if (find_type(walk->rep, key->text) != NULL) {
        if (walk->type_key != NULL) {
            config_fault(
                walk->rep, key, E_CONFIG_SINK_ONE,
                "a sink has exactly one kind; this one is \"%s\" already, make a second sink",
                walk->type_key->text.p);
        } else {
            walk->type_key = key;
        }
        return true;
    }
    if (config_nearest(key->text, types, type_n) == NULL &&
        (config_get(walk->map, key->text.p)->kind != CONFIG_MAP ||
         config_nearest(key->text, common, common_n) != NULL)) {
        config_fault_known(walk->rep, key, E_CONFIG_UNKNOWN_KEY, key->text, common, common_n,
                           "unknown key \"%s\" in a sink", config_shown(walk->rep, key));
        return true;
    }
    config_fault_name(walk->rep, key, E_CONFIG_SINK_TYPE, "sink type", types, type_n);
    walk->unknown_type = true;
    return true;
}

static void no_type(struct sink_walk *walk)
{
    const char *types[CONFIG_NAMES_MAX];
    size_t n = type_names(walk->rep, types, 0, CONFIG_NAMES_MAX);

    config_fault_known(walk->rep, walk->map, E_CONFIG_SINK_ONE, STR(""), types, n,
                       "the sink has no kind: one key has to say where it writes to");
}

static void parse_sink(const struct config_node *node, struct config_sink *sink,
                       struct config_report *rep)
{
    struct sink_walk walk = { .rep = rep, .map = node };
    const struct config_node *map;
    size_t errors;

    sink->node = node;
    if (node->kind != CONFIG_MAP) {
        if (!node->unresolved)
            config_fault(rep, node, E_CONFIG_TYPE,
                         "a sink is a map of keys: name, from and its kind");
        return;
    }
    config_parse_keys_but(node, config_sink_keys, sink, take_type_key, &walk, rep);
    if (walk.type_key == NULL) {
        if (!walk.unknown_type)
            no_type(&walk);
        return;
    }
    sink->type = find_type(rep, walk.type_key->text);
    sink->conf = arena_zalloc(rep->arena, 1, sink->type->conf_size > 0 ? sink->type->conf_size : 1);
    map = config_get(node, sink->type->name);
    errors = rep->error_count;
    config_parse_keys(map, sink->type->keys, sink->conf, rep);
    /* What goes across keys can be looked at only when each of them is right. */
    if (sink->type->check != NULL && rep->error_count == errors)
        sink->type->check(sink->conf, map, rep);
}

void config_parse_sinks(const struct config_node *node, void *field, struct config_report *rep)
{
    struct config *c = field;

    if (node->unresolved)
        return;
    if (node->kind != CONFIG_LIST) {
        config_fault(rep, node, E_CONFIG_TYPE, "\"sinks\" is a list: each sink starts with a dash");
        return;
    }
    if (node->count == 0) /* they come over REST */
        return;
    if (node->count > LIMIT_CONFIG_SINKS) {
        config_fault(rep, node, E_CONFIG_TOO_LARGE, "%zu sinks are more than %u", node->count,
                     LIMIT_CONFIG_SINKS);
        return;
    }
    c->sinks = arena_zalloc(rep->arena, node->count, sizeof *c->sinks);
    c->sink_count = node->count;
    for (size_t i = 0; i < node->count; i++)
        parse_sink(node->items[i], &c->sinks[i], rep);
}
