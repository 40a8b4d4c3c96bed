/* SPDX-License-Identifier: Apache-2.0 */
#include "postgres/slot.h"
#include "base/json.h"
#include "base/limits.h"
#include "cli/cli.h"

const char cli_slot_usage[] =
    "multisink slot show                     the slot of ./pipeline.yaml, as the server has it\n"
    "multisink slot drop --yes               drop it: PostgreSQL keeps no WAL for it any more\n"
    "\n"
    "A slot that nobody reads keeps WAL on the server until its disk is full. Drop it when a pipeline\n"
    "is given up. `multisink run --resnapshot` makes it again, with a new copy of the tables.\n"
    "\n"
    "  --config FILE  the configuration (pipeline.yaml)\n"
    "  --json         as one JSON object\n"
    "  --yes          really drop it\n";

static void put_text(struct buf *b, const struct postgres_slot *slot)
{
    char restart[LSN_TEXT];
    char confirmed[LSN_TEXT];

    if (!slot->exists) {
        buf_putf(b, "slot %s does not exist\n", slot->name);
        return;
    }
    buf_putf(b, "slot %s\n  plugin     %s\n  database   %s\n", slot->name, slot->plugin,
             slot->database);
    if (slot->active)
        buf_putf(b, "  active     for PID %d (%s)\n", slot->active_pid, slot->active_who);
    else
        buf_text(b, "  active     no\n");
    buf_putf(b, "  confirmed  %s\n  restart    %s\n", lsn_format(slot->confirmed_flush, confirmed),
             lsn_format(slot->restart, restart));
    buf_putf(b, "  WAL        %.1f MiB kept, %s\n", (double)slot->retained_bytes / (double)MIB,
             slot->wal_status);
}

static void put_json(struct buf *b, const struct postgres_slot *slot)
{
    char lsn[LSN_TEXT];
    bool first = true;

    buf_u8(b, '{');
    json_key(b, &first, "name");
    json_string(b, str_from(slot->name));
    json_key(b, &first, "exists");
    buf_text(b, slot->exists ? "true" : "false");
    json_key(b, &first, "plugin");
    json_string(b, str_from(slot->plugin));
    json_key(b, &first, "database");
    json_string(b, str_from(slot->database));
    json_key(b, &first, "active_pid");
    buf_dec(b, slot->active ? slot->active_pid : 0);
    json_key(b, &first, "confirmed_lsn");
    json_string(b, str_from(lsn_format(slot->confirmed_flush, lsn)));
    json_key(b, &first, "restart_lsn");
    json_string(b, str_from(lsn_format(slot->restart, lsn)));
    json_key(b, &first, "retained_wal_bytes");
    buf_udec(b, slot->retained_bytes);
    json_key(b, &first, "wal_status");
    json_string(b, str_from(slot->wal_status));
    buf_text(b, "}\n");
}

static bool drop(struct postgres_conn *c, const struct postgres_slot *slot, struct buf *out,
                 struct error *err)
{
    if (!slot->exists) {
        buf_putf(out, "slot %s does not exist; nothing was done\n", slot->name);
        return true;
    }
    if (slot->active)
        return error_set(err, ERR_RETRY, E_SLOT_ACTIVE,
                         "cannot drop slot \"%s\": it is active for PID %d (%s); stop that first",
                         slot->name, slot->active_pid, slot->active_who);
    if (!postgres_slot_drop(c, slot->name, err))
        return false;
    buf_putf(out, "dropped slot %s\n", slot->name);
    return true;
}

static bool act(const struct config_source *source, bool dropping, bool as_json, struct buf *out,
                struct error *err)
{
    struct postgres_opts opts = { .url = source->url,
                                  .password = source->password,
                                  .application_name = "multisink slot",
                                  .stop_fd = -1 };
    struct postgres_conn *c;
    struct postgres_slot slot;
    bool ok;

    if (!postgres_connect(&opts, &c, err))
        return false;
    ok = postgres_slot_look(c, source->slot, &slot, err);
    if (ok && dropping)
        ok = drop(c, &slot, out, err);
    else if (ok && as_json)
        put_json(out, &slot);
    else if (ok)
        put_text(out, &slot);
    postgres_close(c);
    return ok;
}

int cli_slot(int argc, char **argv)
{
    static const char *const verbs[] = { "show", "drop" };
    const char *config_path = NULL;
    bool as_json = false;
    bool yes = false;
    struct cli_option options[] = { { "config", 'c', CLI_TEXT, &config_path },
                                    { "json", 0, CLI_FLAG, &as_json },
                                    { "yes", 0, CLI_FLAG, &yes },
                                    { NULL, 0, CLI_FLAG, NULL } };
    struct config *config;
    struct error err;
    struct buf out;
    bool dropping;
    int count;
    int verb;
    int code;

    if (!cli_parse(argc, argv, options, &count))
        return CLI_USAGE;
    verb = cli_verb("slot", count, argv, verbs, sizeof verbs / sizeof verbs[0]);
    if (verb < 0)
        return CLI_USAGE;
    if (count > 1)
        return cli_usage_error("slot", "%s takes no more words, \"%s\" is one too many", argv[1],
                               argv[2]);
    dropping = verb == 1;
    if (dropping && !yes)
        return cli_usage_error("slot",
                               "dropping a slot loses its place in the WAL for ever; say --yes");
    config = cli_load_config(config_path);
    if (config == NULL)
        return CLI_USAGE;
    if (config->source.node == NULL) {
        code = cli_usage_error("slot", "%s has no source, so there is no slot in it", config->path);
        config_free(config);
        return code;
    }
    buf_init(&out, 64 * KIB);
    code = act(&config->source, dropping, as_json, &out, &err) ? CLI_OK : cli_failure(&err);
    if (code == CLI_OK && !cli_print(&out))
        code = CLI_RUNTIME;
    buf_done(&out);
    config_free(config);
    return code;
}
