/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/redis_conf.h"

#include "base/limits.h"
#include "sink/redis_conn.h"
#include "sink/redis_url.h"
#include "sink/tls_conf.h"

#include <ctype.h>

/* What has no place in a script that stores the position with the data: see the page of E0503. The
 * server is asked as well (redis_check.c); this list answers offline. */
static const char *const forbidden[] = {
    "ACL",       "ASKING",       "AUTH",       "BGREWRITEAOF", "BGSAVE",       "BLMOVE",
    "BLMPOP",    "BLPOP",        "BRPOP",      "BRPOPLPUSH",   "BZMPOP",       "BZPOPMAX",
    "BZPOPMIN",  "CLIENT",       "CLUSTER",    "COMMAND",      "CONFIG",       "DEBUG",
    "DISCARD",   "EVAL",         "EVALSHA",    "EVALSHA_RO",   "EVAL_RO",      "EXEC",
    "FAILOVER",  "FCALL",        "FCALL_RO",   "FLUSHALL",     "FLUSHDB",      "FUNCTION",
    "HELLO",     "INFO",         "LATENCY",    "MIGRATE",      "MODULE",       "MONITOR",
    "MOVE",      "MULTI",        "PSUBSCRIBE", "PSYNC",        "PUNSUBSCRIBE", "QUIT",
    "READONLY",  "READWRITE",    "REPLCONF",   "REPLICAOF",    "RESET",        "SAVE",
    "SCRIPT",    "SELECT",       "SHUTDOWN",   "SLAVEOF",      "SLOWLOG",      "SSUBSCRIBE",
    "SUBSCRIBE", "SUNSUBSCRIBE", "SWAPDB",     "SYNC",         "UNSUBSCRIBE",  "UNWATCH",
    "WAIT",      "WAITAOF",      "WATCH",      "XREAD",        "XREADGROUP",
};

/* ---- commands --------------------------------------------------------------------------------- */

static bool has_hole(struct str text)
{
    for (size_t i = 0; i + 1 < text.n; i++) {
        if (text.p[i] == '{' && text.p[i + 1] == '{')
            return true;
    }
    return false;
}

static bool is_forbidden(const char *name)
{
    for (size_t i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        if (strcmp(name, forbidden[i]) == 0)
            return true;
    }
    return false;
}

static struct str wire_form(struct arena *a, struct str text)
{
    struct buf b;
    struct str wire;

    buf_init(&b, LIMIT_CONFIG_FILE + KIB);
    redis_request_arg(&b, text);
    wire = arena_str(a, buf_view(&b));
    buf_done(&b);
    return wire;
}

/* The command's name in capitals, or NULL with a fault reported. */
static const char *parse_name(const struct config_node *node, struct config_report *rep)
{
    char *name;

    if (has_hole(node->text)) {
        config_fault(rep, node, E_REDIS_COMMANDS,
                     "the name of a command is a plain word, not a template");
        return NULL;
    }
    if (node->text.n == 0 || node->text.n > 64) {
        config_fault(rep, node, E_REDIS_COMMANDS, "a command begins with its name");
        return NULL;
    }
    name = arena_alloc(config_report_arena(rep), node->text.n + 1);
    for (size_t i = 0; i < node->text.n; i++)
        name[i] = (char)toupper((unsigned char)node->text.p[i]);
    name[node->text.n] = '\0';
    if (is_forbidden(name)) {
        config_fault(rep, node, E_REDIS_COMMAND_FORBIDDEN, "%s cannot be used in commands", name);
        return NULL;
    }
    return name;
}

static void parse_arg(const struct config_node *node, struct redis_arg *arg, bool old_known,
                      struct config_report *rep)
{
    struct arena *a = config_report_arena(rep);
    struct error cause = { 0 };
    size_t at = 0;

    if (node->kind != CONFIG_SCALAR) {
        config_fault(rep, node, E_REDIS_COMMANDS, "an argument of a command is a single value");
        return;
    }
    if (str_starts(node->text, STR("{multisink:"))) {
        config_fault(rep, node, E_REDIS_KEY_RESERVED,
                     "keys that begin with {multisink: belong to multisink");
        return;
    }
    if (!has_hole(node->text)) {
        arg->wire = wire_form(a, node->text);
        return;
    }
    if (!template_compile(node->text, a, &arg->hole, &at, &cause)) {
        config_fault(rep, node, E_TEMPLATE_SYNTAX, "%s (at character %zu of the argument)",
                     cause.msg, at + 1);
        return;
    }
    if (!old_known && template_uses_before(arg->hole)) {
        config_fault(rep, node, E_REDIS_COMMANDS,
                     "{{before...}} has no meaning here: a new row has no old one");
    }
}

static void parse_command(const struct config_node *node, struct redis_command *command,
                          bool old_known, struct config_report *rep)
{
    struct redis_arg *args;

    if (node->kind != CONFIG_LIST || node->count == 0) {
        config_fault(rep, node, E_REDIS_COMMANDS,
                     "a command is a list of arguments, as in [SET, \"row:{{id}}\", \"{{name}}\"]");
        return;
    }
    if (node->count > LIMIT_REDIS_ARGUMENTS) {
        config_fault(rep, node, E_REDIS_COMMANDS, "a command has at most %u arguments",
                     LIMIT_REDIS_ARGUMENTS);
        return;
    }
    args = arena_zalloc(config_report_arena(rep), node->count, sizeof *args);
    for (size_t i = 0; i < node->count; i++)
        parse_arg(node->items[i], &args[i], old_known, rep);
    if (node->items[0]->kind == CONFIG_SCALAR)
        command->name = parse_name(node->items[0], rep);
    command->count = node->count;
    command->args = args;
}

static void parse_event(const struct config_node *node, void *field, bool old_known,
                        struct config_report *rep)
{
    struct redis_event *event = field;
    bool several =
        node->kind == CONFIG_LIST && node->count > 0 && node->items[0]->kind == CONFIG_LIST;
    size_t count = several ? node->count : 1;
    struct redis_command *commands;

    event->given = true;
    if (node->kind == CONFIG_LIST && node->count == 0)
        return; /* snapshot: [] says that snapshot rows run nothing */
    if (count > LIMIT_REDIS_COMMANDS) {
        config_fault(rep, node, E_REDIS_COMMANDS, "an event has at most %u commands",
                     LIMIT_REDIS_COMMANDS);
        return;
    }
    commands = arena_zalloc(config_report_arena(rep), count, sizeof *commands);
    for (size_t i = 0; i < count; i++)
        parse_command(several ? node->items[i] : node, &commands[i], old_known, rep);
    event->commands = commands;
    event->count = count;
}

static void parse_new(const struct config_node *node, void *field, struct config_report *rep)
{
    parse_event(node, field, false, rep);
}

static void parse_old(const struct config_node *node, void *field, struct config_report *rep)
{
    parse_event(node, field, true, rep);
}

const struct redis_event *redis_conf_event(const struct redis_commands *commands, enum change_op op)
{
    switch (op) {
    case CHANGE_INSERT:
        return &commands->insert;
    case CHANGE_UPDATE:
        return &commands->update;
    case CHANGE_DELETE:
        return &commands->delete;
    case CHANGE_SNAPSHOT:
        return commands->snapshot.given ? &commands->snapshot : &commands->insert;
    case CHANGE_TRUNCATE:
    case CHANGE_MESSAGE: /* never given to a sink of rows */
        return &commands->truncate;
    }
    return &commands->truncate;
}

/* ---- the other keys --------------------------------------------------------------------------- */

static void parse_url(const struct config_node *node, void *field, struct config_report *rep)
{
    struct redis_url *url = field;
    const char *why = "it is a single value";

    if (node->kind != CONFIG_SCALAR ||
        !redis_url_parse(node->text, config_report_arena(rep), url, &why)) {
        config_fault(rep, node, E_REDIS_URL, "the URL cannot be used: %s", why);
        return;
    }
    url->node = node;
    if (url->password != NULL && !node->secret) {
        config_warning(rep, node, E_CONFIG_URL_PASSWORD,
                       "the password stands in the URL; better: password: ${env:NAME}");
    }
}

const char *redis_conf_username(const struct redis_conf *conf)
{
    return conf->username != NULL ? conf->username : conf->url.username;
}

const char *redis_conf_password(const struct redis_conf *conf)
{
    return conf->password != NULL ? conf->password : conf->url.password;
}

int64_t redis_conf_db(const struct redis_conf *conf)
{
    return conf->url.db >= 0 ? conf->url.db : conf->db;
}

static bool any_command(const struct redis_commands *c)
{
    return c->insert.count + c->update.count + c->delete.count + c->snapshot.count +
               c->truncate.count >
           0;
}

void redis_conf_check(const void *conf, const struct config_node *map, struct config_report *rep)
{
    const struct redis_conf *c = conf;
    const struct config_node *db = config_get(map, "db");
    const struct config_node *tls = config_get(map, "tls");
    const struct config_node *commands = config_get(map, "commands");

    if (c->url.node == NULL)
        return; /* reported already */
    if (c->url.db >= 0 && db != NULL && c->url.db != c->db)
        config_fault(rep, db, E_REDIS_URL, "the URL names another database (%d)", (int)c->url.db);
    if (tls != NULL && !c->url.tls)
        config_fault(rep, tls, E_REDIS_URL,
                     "`tls` is given, but the URL does not begin with rediss://");
    if ((c->tls.cert_file == NULL) != (c->tls.key_file == NULL))
        config_fault(rep, tls, E_REDIS_URL, "a client certificate needs both `cert` and `key`");
    if (redis_conf_username(c) != NULL && redis_conf_password(c) == NULL)
        config_fault(rep, c->url.node, E_REDIS_URL, "a user is given without a password");
    if (commands != NULL && commands->kind == CONFIG_MAP && !any_command(&c->commands))
        config_fault(rep, commands, E_REDIS_COMMANDS, "no command is given");
}

/* ---- the table -------------------------------------------------------------------------------- */

#define EVENT(key, parser, text)                                                                   \
    {                                                                                              \
        .name = #key, .type = CONFIG_CUSTOM, .offset = offsetof(struct redis_commands, key),       \
        .parse = (parser), .help = (text)                                                          \
    }

static const struct config_key command_keys[] = {
    EVENT(
        insert, parse_new,
        "Commands for a new row: one as a list of arguments, or a list of several. {{column}} stands "
        "for a value; each argument stays one argument, whatever the value holds."),
    EVENT(update, parse_old,
          "Commands for a changed row; {{before.column}} is the old value where known."),
    EVENT(delete, parse_old,
          "Commands for a deleted row; {{column}} is the old value, as far as known."),
    EVENT(snapshot, parse_new,
          "Commands for a row of the first snapshot. Default: those of insert; [] for none."),
    EVENT(truncate, parse_new, "Commands for a TRUNCATE of the table. Default: none."),
    { .name = NULL },
};

const struct config_key redis_conf_keys[] = {
    { .name = "url",
      .type = CONFIG_CUSTOM,
      .required = true,
      .offset = offsetof(struct redis_conf, url),
      .parse = parse_url,
      .help = "redis://[user@]host[:port][/db], rediss:// for TLS, or unix:///path?db=N." },
    { .name = "username",
      .type = CONFIG_STRING,
      .offset = offsetof(struct redis_conf, username),
      .help = "ACL user. Default: the one of the URL, else the default user." },
    { .name = "password",
      .type = CONFIG_SECRET,
      .offset = offsetof(struct redis_conf, password),
      .help = "Password, best as ${env:NAME} or ${file:/path}." },
    { .name = "db",
      .type = CONFIG_INT,
      .fallback = "0",
      .offset = offsetof(struct redis_conf, db),
      .max = 1000000,
      .help = "Number of the database, if the URL has none." },
    { .name = "tls",
      .type = CONFIG_GROUP,
      .offset = offsetof(struct redis_conf, tls),
      .group = TLS_CONF_HOW,
      .help = "Certificates for rediss://." },
    { .name = "commands",
      .type = CONFIG_GROUP,
      .required = true,
      .offset = offsetof(struct redis_conf, commands),
      .group = command_keys,
      .help = "What to run for each change. A kind of change without commands is passed over." },
    { .name = "timeout",
      .type = CONFIG_DURATION,
      .fallback = "10s",
      .offset = offsetof(struct redis_conf, timeout_ms),
      .min = 100,
      .max = 600000,
      .help = "How long to wait for an answer before the connection is made anew." },
    { .name = "script_commands_max",
      .type = CONFIG_INT,
      .fallback = "500",
      .offset = offsetof(struct redis_conf, script_commands_max),
      .min = 1,
      .max = 5000,
      .help =
          "Commands in one script call. Redis serves nobody else meanwhile, so keep it to a few "
          "milliseconds." },
    { .name = "aof_rewrite_after_restart",
      .type = CONFIG_BOOL,
      .fallback = "true",
      .offset = offsetof(struct redis_conf, aof_rewrite),
      .help =
          "After a restart of a Redis that keeps an append-only file, have it rewritten (BGREWRITEAOF) "
          "before writing: what Redis leaves of a transaction that a crash cut in two could be applied "
          "at the next restart." },
    { .name = NULL },
};
