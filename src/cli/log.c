/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/log.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "process/rowjson.h"
#include "stream/log_stream.h"

#include <stdlib.h>

const char cli_log_usage[] =
    "multisink log info                      what the log of ./pipeline.yaml holds\n"
    "multisink log read data --limit 10      its first changes, as JSON lines\n"
    "multisink log read --from 1/0/16B3748/3 the changes behind a position\n"
    "multisink log tables data               the tables in it: columns, keys, defaults, enum labels\n"
    "multisink log verify data               check every byte; exit code 5 when something is damaged\n"
    "\n"
    "Looks into the log between PostgreSQL and the sinks; changes nothing, and may be used while\n"
    "`multisink run` writes it. The last word is a pipeline's YAML file (pipeline.yaml), its data\n"
    "directory, or the log directory itself. Of a pipeline over Kafka `read` reads the topics,\n"
    "partition by partition; the others look at what waits to be in Kafka.\n"
    "\n"
    "  --from POS    start behind this position (the oldest that is there)\n"
    "  --limit N     stop after N changes\n"
    "  --json        info and verify: as one JSON object\n";

/* Segments below the last are read by `log verify` only; the other two look at the end. */
enum { VERIFY_LAST = 1, VERIFY_ALL = 0 };

static bool stop_at_first(void *arg, const char *name)
{
    (void)name;
    (void)arg;
    return false;
}

static bool is_dir(const char *path)
{
    return file_posix.list(file_posix.ctx, path, stop_at_first, NULL) == 0;
}

/* To free(). */
static char *log_below(const char *dir)
{
    char *below = mem_printf("%s/log", dir);

    if (is_dir(below))
        return below;
    free(below);
    return mem_strdup(dir);
}

struct counts {
    uint64_t changes;
    struct position last;
};

/* Reads from `from` to the end or `limit`; prints each change when `print`. false: err, or stdout is
 * gone (err->kind is ERR_NONE then). */
static bool read_changes(struct stream *s, struct position from, uint64_t limit, bool print,
                         struct counts *counts, struct error *err)
{
    struct stream_want want = { .rows_max = LIMIT_BATCH_ROWS,
                                .bytes_max = LIMIT_BATCH_BYTES,
                                .stop_fd = -1 };
    struct stream_reader *r;
    struct arena arena;
    struct batch b = { 0 };
    struct buf out;
    bool ok = true;

    if (!s->ops->reader_open(s, from, &r, err))
        return false;
    arena_init(&arena, LIMIT_ARENA);
    buf_init(&out, LIMIT_ARENA);
    do {
        arena_reset(&arena);
        buf_shrink(&out, 4 * MIB);
        if (limit > 0 && limit - counts->changes < want.rows_max)
            want.rows_max = (size_t)(limit - counts->changes);
        ok = s->ops->read(r, &want, &arena, &b, err);
        for (size_t i = 0; ok && print && i < b.count; i++) {
            rowjson_change(&b.changes[i], &out);
            buf_u8(&out, '\n');
        }
        if (ok) {
            counts->changes += b.count;
            counts->last = b.after;
        }
        if (ok && print)
            ok = cli_print(&out);
    } while (ok && (limit == 0 || counts->changes < limit) &&
             (b.count > 0 || position_cmp(b.after, b.before) > 0));
    buf_done(&out);
    arena_done(&arena);
    s->ops->reader_close(r);
    return ok;
}

static void put_number(struct buf *b, bool *first, const char *name, uint64_t value)
{
    json_key(b, first, name);
    buf_udec(b, value);
}

static void put_position(struct buf *b, bool *first, const char *name, struct position pos)
{
    char text[POSITION_TEXT];

    json_key(b, first, name);
    json_string(b, str_from(position_format(pos, text)));
}

static void show_json(struct stream *s, const char *dir, const struct log_recovery *found,
                      const struct counts *counts, struct buf *b)
{
    struct stream_stats stats;
    struct stream_tail tail;
    bool first = true;

    s->ops->stats(s, &stats);
    s->ops->tail(s, &tail);
    buf_u8(b, '{');
    json_key(b, &first, "dir");
    json_string(b, str_from(dir));
    put_number(b, &first, "segments", stats.segments);
    put_number(b, &first, "bytes", stats.bytes);
    put_position(b, &first, "oldest", stats.oldest);
    put_position(b, &first, "last", tail.position);
    put_number(b, &first, "relation_version", tail.relation_version);
    put_number(b, &first, "unfinished_bytes", found->torn_bytes + found->open_bytes);
    if (counts != NULL)
        put_number(b, &first, "changes", counts->changes);
    buf_text(b, "}\n");
}

static void show_text(struct stream *s, const char *dir, const struct log_recovery *found,
                      const struct counts *counts, struct buf *b)
{
    struct stream_stats stats;
    struct stream_tail tail;
    char text[POSITION_TEXT];

    s->ops->stats(s, &stats);
    s->ops->tail(s, &tail);
    buf_putf(b, "log %s\n  segments   %llu\n  size       %.1f MiB\n", dir,
             (unsigned long long)stats.segments, (double)stats.bytes / (double)MIB);
    buf_putf(b, "  begins     behind %s\n", position_format(stats.oldest, text));
    buf_putf(b, "  ends       at %s\n", position_format(tail.position, text));
    if (found->torn_bytes + found->open_bytes > 0)
        buf_putf(b, "  unfinished %llu bytes behind the last whole transaction\n",
                 (unsigned long long)found->torn_bytes + found->open_bytes);
    if (counts != NULL)
        buf_putf(b, "  changes    %llu, all of them whole\n", (unsigned long long)counts->changes);
}

static int show(struct stream *s, const char *dir, const struct cli_log_request *q,
                const struct log_recovery *found, const struct counts *counts)
{
    struct buf b;

    buf_init(&b, 64 * KIB);
    if (q->as_json)
        show_json(s, dir, found, counts, &b);
    else
        show_text(s, dir, found, counts, &b);
    return cli_finish(&b);
}

int cli_log_from(const struct cli_log_request *q, struct position *ret_from)
{
    if (q->from == NULL || position_parse(str_from(q->from), ret_from))
        return CLI_OK;
    return cli_usage_error("log", "\"%s\" is no position; they look like 1/0/16B3748/3", q->from);
}

static int read_command(struct stream *s, const struct cli_log_request *q)
{
    struct counts counts = { 0 };
    struct error err = { 0 };
    struct stream_stats stats;
    struct position from;
    int code;

    s->ops->stats(s, &stats);
    from = stats.oldest;
    code = cli_log_from(q, &from);
    if (code != CLI_OK)
        return code;
    if (read_changes(s, from, (uint64_t)q->limit, true, &counts, &err))
        return CLI_OK;
    return err.kind == ERR_NONE ? CLI_RUNTIME : cli_failure(&err);
}

static int run(const char *what, const char *dir, const struct cli_log_request *q)
{
    bool verify = strcmp(what, "verify") == 0;
    struct log_stream_opts opts = { .dir = dir,
                                    .verify_bytes = verify ? VERIFY_ALL : VERIFY_LAST,
                                    .readonly = true };
    struct counts counts = { 0 };
    struct log_recovery found;
    struct error err = { 0 };
    struct stream_stats stats;
    struct stream *s;
    int code;

    if (!log_stream_open(&opts, &s, &found, &err))
        return cli_failure(&err);
    s->ops->stats(s, &stats);
    if (strcmp(what, "read") == 0)
        code = read_command(s, q);
    else if (strcmp(what, "tables") == 0)
        code = cli_log_tables(s);
    else if (!verify)
        code = show(s, dir, q, &found, NULL);
    else if (read_changes(s, stats.oldest, 0, false, &counts, &err))
        code = show(s, dir, q, &found, &counts);
    else
        code = cli_failure(&err);
    s->ops->close(s);
    return code;
}

/* target: a directory, or a pipeline's file; NULL: the usual one. */
static int run_on(const char *what, const char *target, const struct cli_log_request *q)
{
    bool direct = target != NULL && is_dir(target);
    struct config *config = direct ? NULL : cli_load_config(target);
    char *dir;
    int code;

    if (!direct && config == NULL)
        return CLI_USAGE;
    if (!direct && config->stream.kind == CONFIG_STREAM_KAFKA && strcmp(what, "read") == 0) {
        code = cli_log_read_kafka(config, q);
    } else {
        dir = direct ? log_below(target) : mem_printf("%s/log", config->stream.dir);
        code = run(what, dir, q);
        free(dir);
    }
    config_free(config);
    return code;
}

int cli_log(int argc, char **argv)
{
    static const char *const verbs[] = { "info", "read", "tables", "verify" };
    struct cli_log_request q = { 0 };
    struct cli_option options[] = { { "from", 0, CLI_TEXT, &q.from },
                                    { "limit", 'n', CLI_NUMBER, &q.limit },
                                    { "json", 0, CLI_FLAG, &q.as_json },
                                    { NULL, 0, CLI_FLAG, NULL } };
    int count;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    if (cli_verb("log", count, argv, verbs, sizeof verbs / sizeof verbs[0]) < 0)
        return CLI_USAGE;
    if (count > 2)
        return cli_usage_error("log", "%s takes one file or directory", argv[1]);
    if (q.limit < 0)
        return cli_usage_error("log", "--limit must not be negative");
    return run_on(argv[1], count == 2 ? argv[2] : NULL, &q);
}
