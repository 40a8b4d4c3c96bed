/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/init.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/map.h"

#include <inttypes.h>

enum { TABLE_SINKS_MAX = 20, NAME_MAX_TEXT = 48 };

bool init_table_fits(const struct postgres_table *t)
{
    return t->has_identity;
}

const char *init_table_name(const struct init *in, const struct postgres_table *t)
{
    struct buf b;
    const char *name;

    buf_init(&b, 4 * KIB);
    relation_name(t->rel, &b);
    name = arena_str(in->arena, buf_view(&b)).p;
    buf_done(&b);
    return name;
}

/* A text as YAML: in double quotes, which JSON's are too, unless it is plain. */
static void put_scalar(struct buf *b, const char *text)
{
    bool plain = text[0] >= 'a' && text[0] <= 'z';

    for (const char *p = text; *p != '\0'; p++)
        plain = plain &&
                ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || strchr("_.-", *p) != NULL);
    if (plain)
        buf_text(b, text);
    else
        json_string(b, str_from(text));
}

/* In a comment, a name must not end the line. */
static void put_comment_text(struct buf *b, const char *text)
{
    json_escaped(b, str_from(text));
}

/* ---- the source ----------------------------------------------------------------------------------- */

static void put_table(const struct init *in, const struct postgres_table *t, struct buf *b)
{
    const char *name = init_table_name(in, t);

    if (init_table_fits(t)) {
        buf_text(b, "      - ");
        put_scalar(b, name);
        if (t->row_estimate >= 0)
            buf_putf(b, "   # about %" PRId64 " row%s", t->row_estimate,
                     t->row_estimate == 1 ? "" : "s");
        buf_text(b, "\n");
        return;
    }
    buf_text(b, "      # left out: ");
    put_comment_text(b, name);
    buf_text(b, " has no primary key and no replica identity\n");
}

static size_t fitting(const struct init *in)
{
    size_t n = 0;

    for (size_t i = 0; i < in->table_count; i++)
        n += init_table_fits(&in->tables[i]) ? 1 : 0;
    return n;
}

static void put_tables(const struct init *in, struct buf *b)
{
    buf_text(b, "    tables:");
    if (fitting(in) == 0) {
        buf_text(b, "                               # schema.table, matched exactly\n"
                    "      - public.your_table\n");
        return;
    }
    buf_text(b, "                               # schema.table, matched exactly\n");
    for (size_t i = 0; i < in->table_count; i++)
        put_table(in, &in->tables[i], b);
}

static void put_source(const struct init *in, struct buf *b)
{
    buf_text(b, "source:\n  postgres:\n    url: ");
    json_string(b, str_from(in->url));
    buf_text(b, "\n");
    if (in->has_password)
        buf_text(b, "    password: ${env:PGPASSWORD}           # or ${file:/path}; never shown\n");
    else
        buf_text(b, "    # password: ${env:PGPASSWORD}         # or ${file:/path}; never shown\n");
    buf_putf(b, "    # slot: %s\n", in->publication);
    buf_text(b, "    publication: ");
    put_scalar(b, in->publication);
    buf_text(b, "\n");
    put_tables(in, b);
    buf_text(
        b, "    snapshot: initial                     # or never: only what changes from now on\n");
}

/* ---- the sinks -------------------------------------------------------------------------------------- */

char init_name_char(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (char)((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_');
}

/* "redis_orders": letters, digits and _ of the table, made unique by a number. */
static void put_sink_name(const char *kind, struct str table, struct map *used, struct buf *b)
{
    char name[NAME_MAX_TEXT + 8];
    struct buf made;
    size_t base_n;

    buf_init(&made, KIB);
    buf_putf(&made, "%s_", kind);
    for (size_t i = 0; i < table.n && made.n < NAME_MAX_TEXT; i++)
        buf_u8(&made, (uint8_t)init_name_char(table.p[i]));
    base_n = made.n;
    (void)str_copy(buf_view(&made), name, sizeof name);
    for (unsigned n = 2; map_has(used, str_from(name)); n++) {
        made.n = base_n;
        buf_putf(&made, "_%u", n);
        (void)str_copy(buf_view(&made), name, sizeof name);
    }
    (void)map_put(used, str_from(name), NULL);
    buf_text(b, name);
    buf_done(&made);
}

static void put_sink_head(const struct init *in, const char *kind, const struct postgres_table *t,
                          struct map *used, struct buf *b)
{
    buf_text(b, "  - name: ");
    put_sink_name(kind, t->rel->table, used, b);
    buf_text(b, "\n    from: ");
    put_scalar(b, init_table_name(in, t));
    buf_text(b, "\n");
}

/* "{{a}}:{{b}}" of the columns that name a row. */
static void put_key_template(const struct relation *rel, struct buf *b)
{
    bool primary = relation_has_primary_key(rel);
    bool first = true;

    buf_text(b, "\"");
    for (uint32_t i = 0; i < rel->column_count; i++) {
        const struct column *column = &rel->columns[i];

        if (primary ? !column->primary_key : !column->identity)
            continue;
        buf_text(b, first ? "{{" : ":{{");
        json_escaped(b, column->name);
        buf_text(b, "}}");
        first = false;
    }
    buf_text(b, "\"");
}

static void put_redis(const struct init *in, const struct postgres_table *t, struct map *used,
                      struct buf *b)
{
    put_sink_head(in, "redis", t, used, b);
    buf_text(b, "    redis:\n"
                "      url: redis://localhost:6379/0\n"
                "      commands:                           # any command; {{column}} is its value\n"
                "        insert: [SADD, ");
    json_string(b, t->rel->table);
    buf_text(b, ", ");
    put_key_template(t->rel, b);
    buf_text(b, "]\n        delete: [SREM, ");
    json_string(b, t->rel->table);
    buf_text(b, ", ");
    put_key_template(t->rel, b);
    buf_text(b, "]\n");
}

static void put_cassandra(const struct init *in, const struct postgres_table *t, struct map *used,
                          struct buf *b)
{
    put_sink_head(in, "cassandra", t, used, b);
    buf_text(b, "    cassandra:\n"
                "      contact_points: [127.0.0.1]\n"
                "      local_dc: datacenter1\n"
                "      table: ");
    json_string(
        b, str_from(arena_printf(in->arena, "%s.%.*s", in->publication, STR_ARG(t->rel->table))));
    buf_text(b, "\n");
}

/* One sink that reads every table. */
static void put_shared(const struct init *in, const char *kind, const char *conf, struct buf *b)
{
    buf_putf(b, "  - name: %s\n    from:\n", kind);
    if (fitting(in) == 0)
        buf_text(b, "      - public.your_table\n");
    for (size_t i = 0; i < in->table_count; i++) {
        if (!init_table_fits(&in->tables[i]))
            continue;
        buf_text(b, "      - ");
        put_scalar(b, init_table_name(in, &in->tables[i]));
        buf_text(b, "\n");
    }
    buf_putf(b, "    %s: %s\n", kind, conf);
}

/* A stand-in where no table is known. */
static const struct postgres_table *example_table(void)
{
    static const struct column id[] = {
        { .name = { "id", 2 }, .type_oid = 20, .identity = true, .primary_key = true },
    };
    static const struct relation rel = {
        .schema = { "public", 6 },
        .table = { "your_table", 10 },
        .identity = RELATION_IDENTITY_DEFAULT,
        .column_count = 1,
        .columns = id,
    };
    static const struct postgres_table table = { .rel = &rel, .has_identity = true };

    return &table;
}

static void put_each(const struct init *in, struct map *used, struct buf *b,
                     void (*put)(const struct init *in, const struct postgres_table *t,
                                 struct map *used, struct buf *b))
{
    size_t made = 0;

    if (fitting(in) == 0)
        put(in, example_table(), used, b);
    for (size_t i = 0; i < in->table_count; i++) {
        if (!init_table_fits(&in->tables[i]))
            continue;
        if (made++ < TABLE_SINKS_MAX)
            put(in, &in->tables[i], used, b);
    }
    if (made > TABLE_SINKS_MAX)
        buf_putf(b, "  # %zu more tables have no sink here; add them in the same way\n",
                 made - TABLE_SINKS_MAX);
}

static void put_sinks(const struct init *in, struct buf *b)
{
    struct map used;

    map_init(&used);
    buf_text(b, "sinks:\n");
    if ((in->sinks & INIT_STDOUT) != 0)
        put_shared(in, "stdout",
                   "{}                            # JSON lines, for trying things out", b);
    if ((in->sinks & INIT_HTTP) != 0)
        put_shared(in, "http", "{url: \"http://localhost:5000/api\"}", b);
    if ((in->sinks & INIT_REDIS) != 0)
        put_each(in, &used, b, put_redis);
    if ((in->sinks & INIT_CASSANDRA) != 0)
        put_each(in, &used, b, put_cassandra);
    map_done(&used);
}

void init_put_yaml(const struct init *in, struct buf *b)
{
    buf_text(b, "# A pipeline of multisink. Every key: docs/configuration.md\n"
                "#   multisink check   looks at everything this file names, and changes nothing\n"
                "#   multisink run     carries the changes\n"
                "version: 1\n");
    buf_putf(b, "name: \"%s\"\n", in->name);
    put_source(in, b);
    buf_text(b,
             "stream:\n"
             "  log:\n"
             "    dir: data                             # the log, positions and parked records\n"
             "    keep: 7d\n"
             "    max_size: 20GiB\n");
    put_sinks(in, b);
}
