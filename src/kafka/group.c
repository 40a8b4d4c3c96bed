/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/group.h"

#include "kafka/client_private.h"

#include <string.h>

enum { ANSWER_MS = 5000, REASON_MAX = 200 };

/* One request and its answer. */
struct call {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event; /* NULL: none came */
    const char *group;
};

/* A consumer of that group which never joins it. */
static bool begin(struct call *c, const struct kafka_settings *settings, const char *group,
                  struct error *err)
{
    const struct kafka_property fixed[] = { { "group.id", group },
                                            { "enable.auto.commit", "false" },
                                            { "allow.auto.create.topics", "false" },
                                            { NULL, NULL } };
    rd_kafka_conf_t *conf = kafka_conf_make(settings, NULL, fixed, err);

    *c = (struct call){ .group = group };
    if (conf == NULL)
        return false;
    c->rk = kafka_handle_new(RD_KAFKA_CONSUMER, conf, err);
    if (c->rk != NULL)
        c->queue = rd_kafka_queue_new(c->rk);
    return c->rk != NULL;
}

static void end(struct call *c)
{
    if (c->event != NULL)
        rd_kafka_event_destroy(c->event);
    if (c->queue != NULL)
        rd_kafka_queue_destroy(c->queue);
    if (c->rk != NULL)
        rd_kafka_destroy(c->rk);
}

static rd_kafka_AdminOptions_t *options(const struct call *c, rd_kafka_admin_op_t op)
{
    rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(c->rk, op);
    char reason[REASON_MAX];

    (void)rd_kafka_AdminOptions_set_request_timeout(o, ANSWER_MS, reason, sizeof reason);
    return o;
}

static bool is_no_group(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND;
}

/* Waits for the answer; takes the options. */
static bool answered(struct call *c, rd_kafka_AdminOptions_t *o, struct error *err)
{
    rd_kafka_resp_err_t code;

    rd_kafka_AdminOptions_destroy(o);
    c->event = rd_kafka_queue_poll(c->queue, ANSWER_MS + 1000);
    code = c->event != NULL ? rd_kafka_event_error(c->event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || is_no_group(code))
        return true;
    return kafka_fail(err, code, c->event != NULL ? rd_kafka_event_error_string(c->event) : NULL,
                      "ask for the offsets of group %s", c->group);
}

/* Each partition has an answer of its own. */
static bool judge(const struct call *c, const rd_kafka_topic_partition_list_t *l, struct error *err)
{
    for (int i = 0; l != NULL && i < l->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &l->elems[i];

        if (p->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_fail(err, p->err, NULL, "use the offset of group %s in %s/%d", c->group,
                              p->topic, (int)p->partition);
    }
    return true;
}

static bool judge_groups(const struct call *c, const rd_kafka_group_result_t **results,
                         size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_error_t *e = rd_kafka_group_result_error(results[i]);

        if (e != NULL && !is_no_group(rd_kafka_error_code(e)))
            return kafka_fail(err, rd_kafka_error_code(e), rd_kafka_error_string(e),
                              "forget the offsets of group %s", c->group);
        if (!judge(c, rd_kafka_group_result_partitions(results[i]), err))
            return false;
    }
    return true;
}

/* ---- looking --------------------------------------------------------------------------------------------- */

static bool is_named(const char *topic, const char *const *topics, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(topics[i], topic) == 0)
            return true;
    }
    return false;
}

/* All topics are asked for: naming one makes some brokers create it. Owned by the caller; NULL: an error. */
static rd_kafka_topic_partition_list_t *partitions_of(struct call *c, const char *const *topics,
                                                      size_t count, struct error *err)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_partition_list_t *l;
    rd_kafka_resp_err_t code = rd_kafka_metadata(c->rk, 1, NULL, &md, ANSWER_MS);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)kafka_fail(err, code, NULL, "ask the brokers for topics");
        return NULL;
    }
    l = rd_kafka_topic_partition_list_new((int)count);
    for (int i = 0; i < md->topic_cnt; i++) {
        const rd_kafka_metadata_topic_t *t = &md->topics[i];

        if (t->partition_cnt > 0 && is_named(t->topic, topics, count))
            rd_kafka_topic_partition_list_add_range(l, t->topic, 0, t->partition_cnt - 1);
    }
    rd_kafka_metadata_destroy(md);
    return l;
}

static bool list(struct call *c, rd_kafka_topic_partition_list_t *places,
                 void (*each)(void *ctx, const struct kafka_place *place), void *ctx,
                 struct error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(c->rk, places, ANSWER_MS);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_fail(err, code, NULL, "ask for the offsets of group %s", c->group);
    if (!judge(c, places, err))
        return false;
    for (int i = 0; i < places->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &places->elems[i];
        struct kafka_place place = { p->topic, p->partition, p->offset };

        if (p->offset >= 0)
            each(ctx, &place);
    }
    return true;
}

bool kafka_group_list(const struct kafka_settings *settings, const char *group,
                      const char *const *topics, size_t topic_count,
                      void (*each)(void *ctx, const struct kafka_place *place), void *ctx,
                      struct error *err)
{
    rd_kafka_topic_partition_list_t *places = NULL;
    struct call c;
    bool ok = begin(&c, settings, group, err);

    if (ok)
        places = partitions_of(&c, topics, topic_count, err);
    ok = places != NULL && (places->cnt == 0 || list(&c, places, each, ctx, err));
    if (places != NULL)
        rd_kafka_topic_partition_list_destroy(places);
    end(&c);
    return ok;
}

/* An offset is waited for until the group's coordinator is known, which a user without the right never gets to know:
 * only the administrator's request tells that. */
static bool judge_group(const struct call *c, struct error *err)
{
    const rd_kafka_DescribeConsumerGroups_result_t *result =
        rd_kafka_event_DescribeConsumerGroups_result(c->event);
    size_t count = 0;
    const rd_kafka_ConsumerGroupDescription_t **groups =
        result != NULL ? rd_kafka_DescribeConsumerGroups_result_groups(result, &count) : NULL;

    for (size_t i = 0; i < count; i++) {
        const rd_kafka_error_t *e = rd_kafka_ConsumerGroupDescription_error(groups[i]);

        if (e != NULL && !is_no_group(rd_kafka_error_code(e)))
            return kafka_fail(err, rd_kafka_error_code(e), rd_kafka_error_string(e), "use group %s",
                              c->group);
    }
    return true;
}

bool kafka_group_may_see(const struct kafka_settings *settings, const char *group,
                         struct error *err)
{
    struct call c;
    bool ok = begin(&c, settings, group, err);

    if (ok) {
        rd_kafka_AdminOptions_t *o = options(&c, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);

        rd_kafka_DescribeConsumerGroups(c.rk, &group, 1, o, c.queue);
        ok = answered(&c, o, err) && judge_group(&c, err);
    }
    end(&c);
    return ok;
}

/* ---- changing ----------------------------------------------------------------------------------------------- */

static rd_kafka_topic_partition_list_t *chosen(const struct kafka_place *places, size_t count,
                                               bool forget)
{
    rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new((int)count);

    for (size_t i = 0; i < count; i++) {
        if ((places[i].offset < 0) == forget)
            rd_kafka_topic_partition_list_add(l, places[i].topic, places[i].partition)->offset =
                places[i].offset;
    }
    return l;
}

static bool alter(struct call *c, const rd_kafka_topic_partition_list_t *l, struct error *err)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t code = rd_kafka_metadata(c->rk, 0, NULL, &md, ANSWER_MS);

    /* A commit waits for as long as no broker is there. */
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(md);
        code = rd_kafka_commit(c->rk, l, false);
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ||
           kafka_fail(err, code, NULL, "set the offsets of group %s", c->group);
}

static bool forget_some(struct call *c, const rd_kafka_topic_partition_list_t *l, struct error *err)
{
    rd_kafka_DeleteConsumerGroupOffsets_t *what =
        rd_kafka_DeleteConsumerGroupOffsets_new(c->group, l);
    rd_kafka_AdminOptions_t *o = options(c, RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS);
    const rd_kafka_DeleteConsumerGroupOffsets_result_t *result;
    size_t count = 0;

    rd_kafka_DeleteConsumerGroupOffsets(c->rk, &what, 1, o, c->queue);
    rd_kafka_DeleteConsumerGroupOffsets_destroy(what);
    if (!answered(c, o, err))
        return false;
    result = rd_kafka_event_DeleteConsumerGroupOffsets_result(c->event);
    return result == NULL ||
           judge_groups(c, rd_kafka_DeleteConsumerGroupOffsets_result_groups(result, &count), count,
                        err);
}

static bool forget_all(struct call *c, struct error *err)
{
    rd_kafka_DeleteGroup_t *what = rd_kafka_DeleteGroup_new(c->group);
    rd_kafka_AdminOptions_t *o = options(c, RD_KAFKA_ADMIN_OP_DELETEGROUPS);
    const rd_kafka_DeleteGroups_result_t *result;
    size_t count = 0;

    rd_kafka_DeleteGroups(c->rk, &what, 1, o, c->queue);
    rd_kafka_DeleteGroup_destroy(what);
    if (!answered(c, o, err))
        return false;
    result = rd_kafka_event_DeleteGroups_result(c->event);
    return result == NULL ||
           judge_groups(c, rd_kafka_DeleteGroups_result_groups(result, &count), count, err);
}

/* One request on a connection of its own; an empty list asks for nothing. */
static bool change(const struct kafka_settings *settings, const char *group,
                   const rd_kafka_topic_partition_list_t *l, bool forget, struct error *err)
{
    struct call c;
    bool ok;

    if (l->cnt == 0)
        return true;
    ok = begin(&c, settings, group, err) && (forget ? forget_some(&c, l, err) : alter(&c, l, err));
    end(&c);
    return ok;
}

bool kafka_group_set(const struct kafka_settings *settings, const char *group,
                     const struct kafka_place *places, size_t count, struct error *err)
{
    rd_kafka_topic_partition_list_t *kept;
    rd_kafka_topic_partition_list_t *gone;
    struct call c;
    bool ok;

    if (places == NULL) {
        ok = begin(&c, settings, group, err) && forget_all(&c, err);
        end(&c);
        return ok;
    }
    kept = chosen(places, count, false);
    gone = chosen(places, count, true);
    ok = change(settings, group, kept, false, err) && change(settings, group, gone, true, err);
    rd_kafka_topic_partition_list_destroy(kept);
    rd_kafka_topic_partition_list_destroy(gone);
    return ok;
}
