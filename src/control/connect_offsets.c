/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a connector stands, in the shape of Connect's offsets.
 *
 *   source   {"server": prefix} -> {"lsn": .., "lsn_commit": .., "lsn_proc": .., "ts_usec": ..}
 *            can be reset, not altered: the log continues the slot, and nothing may be left out of it.
 *            Reset: history begins anew with the next start, new slot and new copy.
 *            With a stream in Kafka, one that has no history yet takes Debezium's offset: it goes on behind what
 *            Debezium has written to the topics (pipeline/handover.h).
 *   sink     {"kafka_topic": t, "kafka_partition": 0} -> {"position": "epoch/LSN/ordinal"}
 *            one position for all its topics, which stand in one log. Reset: from the oldest change that
 *            the log still holds.
 *            With a stream in Kafka: those of its consumer group, as with Connect (connect_group.c).
 */
#include "control/connect_private.h"

#include "base/limits.h"
#include "pipeline/checkpoint.h"
#include "pipeline/handover.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char altered[] = "The offsets for this connector have been altered successfully";
static const char reset_done[] = "The offsets for this connector have been reset successfully";

static json_t *lsn_of(struct lsn lsn)
{
    return json_integer((json_int_t)lsn.v);
}

void connect_offsets_note(struct connector *source)
{
    struct progress_capture p;

    if (source->supervisor == NULL || !source->supervisor->capture_ready)
        return;
    progress_get_capture(&source->supervisor->capture.progress, &p);
    if (position_is_start(p.durable))
        return;
    (void)json_object_set_new(source->notes, "offset",
                              json_pack("{s:o, s:o, s:o, s:I}", "lsn", lsn_of(p.durable.commit_end),
                                        "lsn_commit", lsn_of(p.durable.commit_end), "lsn_proc",
                                        lsn_of(p.durable.commit_end), "ts_usec",
                                        (json_int_t)p.last_commit_us));
}

static json_t *of_source(struct connector *c)
{
    const char *handover = json_string_value(json_object_get(c->notes, "handover"));
    json_t *list = json_array();
    json_t *offset;

    connect_offsets_note(c);
    offset = json_incref(json_object_get(c->notes, "offset"));
    if (offset == NULL && handover != NULL)
        offset = json_loads(handover, 0, NULL);
    if (offset != NULL && c->prefix != NULL)
        (void)json_array_append_new(
            list, json_pack("{s:{s:s}, s:O}", "partition", "server", c->prefix, "offset", offset));
    json_decref(offset);
    return list;
}

/* From what is running, or from the state.db of its pipeline. */
static bool position_of(const struct connect_worker *w, struct connector *c,
                        struct position *ret_position, struct error *err)
{
    const struct connector *source = pipeline_of(w, c);
    struct progress_sink p;
    struct state *state;
    bool started;
    bool found;
    bool ok;

    if (source == NULL || source->conf == NULL)
        return error_set(err, ERR_STOP, E_CONNECT_TABLES, "no source connector has its topics");
    if (c->attached && source->supervisor != NULL && c->wanted == CONNECT_RUNNING) {
        supervisor_get_sink(source->supervisor, c->at, &p);
        *ret_position = p.position;
        return true;
    }
    if (!state_open(source->conf->stream.dir, false, &state, err))
        return false;
    *ret_position = (struct position){ 0 };
    ok = checkpoint_get_position(state, c->safe, &found, ret_position, &started, err);
    state_close(state);
    return ok;
}

static json_t *of_sink(const struct connect_worker *w, struct connector *c)
{
    json_t *list = json_array();
    char text[POSITION_TEXT];
    struct position at = { 0 };
    struct error err;

    if (c->sink_from == NULL || !position_of(w, c, &at, &err) || position_is_start(at))
        return list;
    for (size_t i = 0; i < c->sink_from->count; i++) {
        (void)json_array_append_new(
            list, json_pack("{s:{s:o, s:i}, s:{s:s}}", "partition", "kafka_topic",
                            connect_topic(c, c->sink_from->items[i]), "kafka_partition", 0,
                            "offset", "position", position_format(at, text)));
    }
    return list;
}

/* ---- changes --------------------------------------------------------------------------------------------------- */

/* In the state.db of the pipeline, whose thread of this sink does not run. A start: forgotten. */
static bool set_position(struct connector *source, const struct connector *c, struct position to,
                         struct error *err)
{
    struct state *state;
    struct state_query q;
    bool ok;

    if (!state_open(source->conf->stream.dir, true, &state, err))
        return false;
    if (position_is_start(to)) {
        ok = state_query(state, &q, "DELETE FROM sink WHERE name = ?1", err);
        if (ok) {
            state_bind_text(&q, 1, str_from(c->safe));
            ok = state_finish(&q, err);
        }
    } else {
        ok = checkpoint_set_position(state, c->safe, to, false, err);
    }
    state_close(state);
    return ok;
}

static void move_sink(struct connect_worker *w, struct connector *c, struct position to,
                      const char *done, struct connect_reply *reply)
{
    struct connector *source = pipeline_of(w, c);
    struct error err;

    if (source == NULL || source->conf == NULL) {
        connect_reply_error(reply, 400, "No source connector has the topics of connector %s",
                            c->name);
        return;
    }
    pipeline_close(source);
    if (set_position(source, c, to, &err))
        connect_reply_set(reply, 200, json_pack("{s:s}", "message", done));
    else
        connect_reply_error(reply, 500, "%s: %s", err.code, err.msg);
    pipeline_build(w, source);
}

static void reset_source(struct connect_worker *w, struct connector *c, const char *done,
                         struct connect_reply *reply)
{
    struct error err;

    (void)json_object_set_new(c->notes, "resnapshot", json_true());
    (void)json_object_del(c->notes, "offset");
    (void)json_object_del(c->notes, "handover");
    if (connector_store(w, c, &err))
        connect_reply_set(reply, 200, json_pack("{s:s}", "message", done));
    else
        connect_reply_error(reply, 500, "%s: %s", err.code, err.msg);
}

static bool keeps_own_position(const struct connector *c)
{
    const struct sink_ops *ops = sink_find(c->plugin->sink->name);

    return ops != NULL && ops->position != NULL;
}

/* All entries say the same: one log, one position. */
static void alter_sink(struct connect_worker *w, struct connector *c, const json_t *entries,
                       struct connect_reply *reply)
{
    struct position to = { 0 };
    json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry)
    {
        const json_t *offset = json_object_get(entry, "offset");
        const char *text = connect_get(offset, "position");
        struct position at = { 0 };

        if (json_is_object(offset) && (text == NULL || !position_parse(str_from(text), &at))) {
            connect_reply_error(reply, 400,
                                "An offset of a sink is {\"position\": \"...\"}, as GET shows it,"
                                " or null");
            return;
        }
        if (i > 0 && position_cmp(at, to) != 0) {
            connect_reply_error(reply, 400, "All topics of a sink stand at one position");
            return;
        }
        to = at;
    }
    if (!position_is_start(to) && keeps_own_position(c)) {
        connect_reply_error(reply, 400,
                            "The sink keeps its position at the target, together with the data;"
                            " it can be reset, not altered");
        return;
    }
    move_sink(w, c, to, altered, reply);
}

/* Has it ever captured? Then it knows better than any offset where the topics end. */
static bool has_history(const struct connector *c, bool *ret_history, struct error *err)
{
    struct checkpoint_source source;
    struct state *state;
    bool ok;

    *ret_history = false;
    if (c->conf == NULL || access(c->conf->stream.dir, F_OK) != 0)
        return true;
    if (!state_open(c->conf->stream.dir, true, &state, err))
        return false;
    ok = checkpoint_get_source(state, ret_history, &source, err);
    state_close(state);
    return ok;
}

/* Debezium's offset, kept until capture has taken it over. */
static bool note_handover(struct connector *c, const json_t *entries, struct error *err)
{
    const json_t *entry = json_array_get(entries, 0);
    const char *server = connect_get(json_object_get(entry, "partition"), "server");
    char *text = json_dumps(json_object_get(entry, "offset"), JSON_COMPACT);
    struct handover handover;
    bool history = false;
    bool ok = false;

    if (json_array_size(entries) != 1 || server == NULL || strcmp(server, c->prefix) != 0) {
        (void)error_set(err, ERR_STOP, E_HANDOVER,
                        "an offset of a source has the one partition {\"server\": \"%s\"}",
                        c->prefix);
    } else if (!has_history(c, &history, err)) {
        ok = false;
    } else if (history) {
        (void)error_set(err, ERR_STOP, E_HANDOVER,
                        "the connector has a history of its own and goes on where that ends; reset"
                        " it for a new one");
    } else {
        ok = text != NULL && handover_parse(str_from(text), &handover, err);
    }
    if (ok) {
        (void)json_object_set_new(c->notes, "handover", connect_text(text));
        (void)json_object_del(c->notes, "resnapshot");
    }
    free(text);
    return ok;
}

static void hand_over(struct connect_worker *w, struct connector *c, const json_t *entries,
                      struct connect_reply *reply)
{
    struct error err;

    if (!note_handover(c, entries, &err))
        connect_reply_error(reply, 400, "%s", err.msg);
    else if (connector_store(w, c, &err))
        connect_reply_set(reply, 200, json_pack("{s:s}", "message", altered));
    else
        connect_reply_error(reply, 500, "%s: %s", err.code, err.msg);
}

static void alter_source(struct connect_worker *w, struct connector *c, const json_t *entries,
                         struct connect_reply *reply)
{
    bool given = false;
    json_t *entry;
    size_t i;

    json_array_foreach(entries, i, entry) given =
        given || json_is_object(json_object_get(entry, "offset"));
    if (!given) {
        reset_source(w, c, altered, reply);
    } else if (w->kafka != NULL && c->conf != NULL) {
        hand_over(w, c, entries, reply);
    } else {
        connect_reply_error(reply, 400,
                            "The log continues the replication slot, and nothing may be left out of"
                            " it: a source's offset can be reset (null), not altered");
    }
}

static void modify_group(struct connect_worker *w, const struct connect_call *call,
                         const struct connector *c, struct connect_reply *reply)
{
    bool all = call->op == CONNECT_DELETE_OFFSETS;

    if (keeps_own_position(c)) {
        connect_reply_error(reply, 400,
                            "The sink keeps its position at the target, together with the data; it"
                            " is reset there");
    } else {
        connect_group_set(w, c, all ? NULL : call->body, all ? reset_done : altered, reply);
    }
}

static void modify(struct connect_worker *w, const struct connect_call *call, struct connector *c,
                   struct connect_reply *reply)
{
    bool source = c->plugin != NULL && c->plugin->source;

    if (c->wanted != CONNECT_STOPPED || c->plugin == NULL) {
        connect_reply_error(reply, 400,
                            "Connectors must be in the STOPPED state before their offsets can be"
                            " modified. This can be done for the specified connector by issuing a"
                            " 'PUT' request to the '/connectors/%s/stop' endpoint",
                            c->name);
    } else if (call->op == CONNECT_DELETE_OFFSETS && source) {
        reset_source(w, c, reset_done, reply);
    } else if (w->kafka != NULL && !source) {
        modify_group(w, call, c, reply);
    } else if (call->op == CONNECT_DELETE_OFFSETS) {
        move_sink(w, c, (struct position){ 0 }, reset_done, reply);
    } else if (source) {
        alter_source(w, c, call->body, reply);
    } else {
        alter_sink(w, c, call->body, reply);
    }
}

void connect_offsets(struct connect_worker *w, const struct connect_call *call,
                     struct connect_reply *reply)
{
    struct connector *c = connector_find(w, call->name);

    if (c == NULL) {
        connect_reply_error(reply, 404, "Connector %s not found", call->name);
    } else if (call->op != CONNECT_GET_OFFSETS) {
        modify(w, call, c, reply);
    } else if (w->kafka != NULL && c->plugin != NULL && !c->plugin->source) {
        connect_group_show(w, c, reply);
    } else {
        connect_reply_set(
            reply, 200,
            json_pack("{s:o}", "offsets",
                      c->plugin != NULL && c->plugin->source ? of_source(c) : of_sink(w, c)));
    }
}
