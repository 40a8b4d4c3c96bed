/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/init.h"

#include "base/file.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

const char cli_init_usage[] =
    "multisink init --from postgres://cdc@localhost/shop\n"
    "multisink init --from postgres://cdc@localhost/shop --sink redis,http\n"
    "multisink init                          an example, without looking at a server\n"
    "\n"
    "Writes a commented pipeline.yaml with the tables that were found, and prints\n"
    "the statements that the source and Cassandra still need. It runs none of them\n"
    "and overwrites no file. The password is taken from the URL or from the\n"
    "environment variable PGPASSWORD, and is not written into the file.\n"
    "\n"
    "  --from URL     the source: postgres://user@host:5432/database\n"
    "  --out FILE     the file to write (pipeline.yaml)\n"
    "  --sink LIST    any of stdout, redis, cassandra, http, with commas (stdout)\n"
    "\n"
    "Next: multisink check\n";

enum { NAME_MAX_TEXT = 40, CONNECT_TIMEOUT_MS = 10000 };

static bool parse_sinks(const char *list, unsigned *ret_sinks)
{
    static const char *const names[] = { "stdout", "redis", "cassandra", "http" };
    static const unsigned bits[] = { INIT_STDOUT, INIT_REDIS, INIT_CASSANDRA, INIT_HTTP };
    struct str left = str_from(list);
    unsigned sinks = 0;

    do {
        size_t n = str_find(left, ',');
        struct str name = str_trim(str_make(left.p, n));
        const char *near = config_nearest(name, names, 4);
        size_t i = 0;

        while (i < 4 && !str_is(name, names[i]))
            i++;
        if (i == 4) {
            (void)cli_usage_fault(E_CLI_OPTION_VALUE, "init", "there is no sink \"%.*s\"%s%s%s",
                                  (int)(name.n < 64 ? name.n : 64), name.p,
                                  near != NULL ? ", did you mean \"" : "", near != NULL ? near : "",
                                  near != NULL ? "\"?"
                                               : "; there are stdout, redis, cassandra, http");
            return false;
        }
        sinks |= bits[i];
        n += n < left.n ? 1 : 0;
        left = str_make(left.p + n, left.n - n);
    } while (left.n > 0);
    *ret_sinks = sinks;
    return true;
}

/* The database's name as far as a pipeline may have it; PostgreSQL's slots allow no "-". */
static const char *pipeline_name(struct arena *a, const char *database)
{
    char name[NAME_MAX_TEXT + 1];
    size_t n = 0;

    for (const char *p = database; *p != '\0' && n < NAME_MAX_TEXT; p++)
        name[n++] = init_name_char(*p);
    return n > 0 ? arena_str(a, str_make(name, n)).p : "pipeline";
}

static bool look(struct init *in, struct postgres_conn *conn, struct error *err)
{
    struct postgres_publication publication;
    struct postgres_table *tables;

    if (!postgres_server_look(conn, &in->server, err) ||
        !postgres_tables_list(conn, in->arena, &tables, &in->table_count, err))
        return false;
    in->tables = tables;
    in->name = pipeline_name(in->arena, in->server.database);
    in->publication = arena_printf(in->arena, "multisink_%s", in->name);
    if (!postgres_publication_look(conn, in->publication, in->arena, &publication, err))
        return false;
    in->publication_exists = publication.exists;
    in->connected = true;
    return true;
}

static bool look_at(struct init *in, const char *url, struct error *err)
{
    /* libpq itself takes PGPASSWORD; here only to say in the file where the password comes from. */
    const char *env = getenv("PGPASSWORD"); /* NOLINT(concurrency-mt-unsafe): no threads yet */
    struct postgres_opts opts = { .application_name = "multisink init",
                                  .stop_fd = -1,
                                  .connect_timeout_ms = CONNECT_TIMEOUT_MS };
    struct postgres_conn *conn;
    bool ok;

    if (!config_url_split(url, in->arena, &in->url, &opts.password))
        return error_set(err, ERR_STOP, E_CONFIG_URL,
                         "cannot use the URL of --from: the form is "
                         "postgres://user@host:5432/database");
    in->has_password = opts.password != NULL || env != NULL;
    opts.url = in->url;
    if (!postgres_connect(&opts, &conn, err))
        return false;
    ok = look(in, conn, err);
    postgres_close(conn);
    return ok;
}

static bool write_file(const char *path, struct str text, struct error *err)
{
    const struct file_ops *ops = &file_posix;
    int fd = ops->open(ops->ctx, path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    bool ok;

    if (fd < 0 && errno == EEXIST)
        return error_set(err, ERR_STOP, E_CLI_FILE_EXISTS,
                         "cannot write %s: the file exists already", path);
    if (fd < 0)
        return error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot write %s", path);
    ok = file_write_at(ops, fd, text.p, text.n, 0);
    if (!ok)
        (void)error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot write %s", path);
    if (ops->close(ops->ctx, fd) != 0 && ok)
        ok = error_sys(err, ERR_STOP, E_SYS_FILE, errno, "cannot write %s", path);
    return ok;
}

static void say_written(const struct init *in, const char *path, bool more)
{
    if (in->connected) {
        (void)fprintf(stderr, "wrote %s with %zu table%s of %s%s\n", path, in->table_count,
                      in->table_count == 1 ? "" : "s", in->server.database,
                      more ? "; these statements are still needed:" : "");
    } else {
        (void)fprintf(stderr, "wrote %s, an example; --from URL fills in a real source\n", path);
    }
    (void)fprintf(stderr, "Next: multisink check %s\n", path);
}

static int finish(const struct init *in, const char *path)
{
    struct error err;
    struct buf yaml, setup;
    bool ok;

    buf_init(&yaml, LIMIT_CONFIG_FILE);
    init_put_yaml(in, &yaml);
    ok = buf_ok(&yaml) ? write_file(path, buf_view(&yaml), &err)
                       : error_set(&err, ERR_STOP, E_SYS_LIMIT,
                                   "cannot write %s: too many tables for one file", path);
    buf_done(&yaml);
    if (!ok)
        return cli_failure(&err);
    buf_init(&setup, 64 * MIB);
    init_put_setup(in, &setup);
    if (!cli_globals()->quiet)
        say_written(in, path, setup.n > 0);
    return cli_finish(&setup);
}

int cli_init(int argc, char **argv)
{
    const char *from = NULL, *out = CLI_CONFIG_FILE, *sinks = "stdout";
    const struct cli_option options[] = {
        { "from", 0, CLI_TEXT, &from },
        { "out", 0, CLI_TEXT, &out },
        { "sink", 0, CLI_TEXT, &sinks },
        { NULL, 0, CLI_FLAG, NULL },
    };
    struct init in = { .name = "example",
                       .url = "postgres://cdc@localhost:5432/database",
                       .publication = "multisink_example" };
    struct error err;
    struct arena arena;
    int count, code;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    if (count > 0)
        return cli_usage_error("init", "it takes options only, not \"%s\"", argv[1]);
    if (!parse_sinks(sinks, &in.sinks))
        return CLI_USAGE;
    arena_init(&arena, LIMIT_ARENA);
    in.arena = &arena;
    if (from != NULL && !look_at(&in, from, &err))
        code = cli_failure(&err);
    else
        code = finish(&in, out);
    arena_done(&arena);
    return code;
}
