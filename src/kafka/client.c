/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties come from three places, the later ones win: our defaults, the user's, and those that the promises
 * rest on. The last cannot be set by the user; trying to is an error that says what to use instead.
 *
 * librdkafka's own messages about a property quote its value, which may be a secret, so they are not used: what a
 * property takes is read from its table of properties (rd_kafka_conf_properties_show), whose lines are
 *
 *     name | C/P | range | default | importance | description
 */
#include "kafka/client_private.h"

#include "base/limits.h"
#include "base/logger.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    const char *instead;
} reserved[] = {
    { "bootstrap.servers", "write stream.kafka.brokers" },
    { "metadata.broker.list", "write stream.kafka.brokers" },
    { "compression.type", "write stream.kafka.compression" },
    { "compression.codec", "write stream.kafka.compression" },
    { "linger.ms", "write stream.kafka.linger" },
    { "queue.buffering.max.ms", "write stream.kafka.linger" },
    { "group.id", "write stream.kafka.group" },
    { "group.instance.id", "members of a group come and go" },
    { "enable.idempotence", "it is always on" },
    { "enable.gapless.guarantee", "it is always on" },
    { "acks", "all replicas in sync are always waited for" },
    { "request.required.acks", "all replicas in sync are always waited for" },
    { "transactional.id", "positions in the records do what transactions would" },
    { "message.timeout.ms", "a record is never given up" },
    { "delivery.timeout.ms", "a record is never given up" },
    { "partitioner", "it is murmur2, as in the Java client" },
    { "enable.auto.commit", "positions are stored behind the sink's" },
    { "enable.auto.offset.store", "positions are stored behind the sink's" },
    { "auto.commit.enable", "positions are stored behind the sink's" },
    { "auto.offset.reset", "the first start begins with the oldest record, and a gap is an error" },
    { "partition.assignment.strategy", "it is cooperative-sticky" },
    { "enable.partition.eof", "it is always on" },
};

/* ---- the table of properties ---------------------------------------------------------------------- */

enum { COLUMN_NAME, COLUMN_RANGE = 2 };

static struct str column(struct str line, int at)
{
    struct str left = line;

    for (;; at--) {
        size_t n = str_find(left, '|');

        if (at == 0)
            return str_trim(str_make(left.p, n));
        if (n >= left.n)
            return STR_NONE;
        left = str_make(left.p + n + 1, left.n - n - 1);
    }
}

/* Calls for each line that describes a property that can be set as text. */
static void each_line(void (*each)(void *ctx, struct str line), void *ctx)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    struct str left;

    if (f == NULL)
        error_out_of_memory(KIB);
    rd_kafka_conf_properties_show(f);
    if (fclose(f) != 0)
        error_out_of_memory(KIB);
    left = str_make(text, size);
    while (left.n > 0) {
        size_t n = str_find(left, '\n');
        struct str line = str_make(left.p, n);
        struct str name = column(line, COLUMN_NAME);

        if (column(line, COLUMN_RANGE).p != NULL && name.n > 0 && name.p[0] != '-' &&
            !str_is(name, "Property"))
            each(ctx, line);
        n += n < left.n ? 1 : 0;
        left = str_make(left.p + n, left.n - n);
    }
    free(text);
}

struct names {
    struct arena *arena;
    const char **items;
    size_t n, cap;
};

static void add_name(void *ctx, struct str line)
{
    struct names *names = ctx;
    struct str name = column(line, COLUMN_NAME);

    for (size_t i = 0; i < names->n; i++) {
        if (str_is(name, names->items[i])) /* a few stand there for both producer and consumer */
            return;
    }
    if (names->n < names->cap)
        names->items[names->n++] = arena_str(names->arena, name).p;
}

size_t kafka_property_names(struct arena *a, const char *const **ret_names)
{
    struct names names = { .arena = a, .cap = LIMIT_KAFKA_PROPERTIES };

    names.items = arena_zalloc(a, names.cap, sizeof *names.items);
    each_line(add_name, &names);
    *ret_names = names.items;
    return names.n;
}

struct range {
    const char *name;
    char text[96];
};

static void take_range(void *ctx, struct str line)
{
    struct range *range = ctx;

    if (str_is(column(line, COLUMN_NAME), range->name))
        (void)str_copy(column(line, COLUMN_RANGE), range->text, sizeof range->text);
}

/* ---- one property ------------------------------------------------------------------------------------ */

static bool refused(const char *name, rd_kafka_conf_res_t res, const char *reason,
                    struct error *err)
{
    struct range range = { .name = name };

    if (res == RD_KAFKA_CONF_UNKNOWN)
        return error_set(err, ERR_STOP, E_KAFKA_PROPERTY, "librdkafka has no property \"%.80s\"",
                         name);
    if (strstr(reason, "not supported in this build") != NULL) {
        return error_set(
            err, ERR_STOP, E_KAFKA_PROPERTY,
            "property \"%s\" asks for something that this machine's librdkafka (%s) was"
            " built without",
            name, rd_kafka_version_str());
    }
    each_line(take_range, &range);
    if (range.text[0] == '\0')
        return error_set(err, ERR_STOP, E_KAFKA_PROPERTY,
                         "property \"%s\" does not take this value", name);
    return error_set(err, ERR_STOP, E_KAFKA_PROPERTY,
                     "property \"%s\" does not take this value; it takes: %s", name, range.text);
}

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *err)
{
    char reason[512];
    rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, reason, sizeof reason);

    return res == RD_KAFKA_CONF_OK || refused(name, res, reason, err);
}

static bool set_users(rd_kafka_conf_t *conf, const struct kafka_property *property,
                      struct error *err)
{
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcmp(reserved[i].name, property->name) == 0)
            return error_set(err, ERR_STOP, E_KAFKA_PROPERTY,
                             "property \"%s\" cannot be set here: %s", property->name,
                             reserved[i].instead);
    }
    return set(conf, property->name, property->value, err);
}

bool kafka_settings_check(const struct kafka_settings *settings, size_t *ret_at, struct error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = true;

    for (size_t i = 0; i < settings->property_count && ok; i++) {
        ok = set_users(conf, &settings->properties[i], err);
        if (!ok)
            *ret_at = i;
    }
    rd_kafka_conf_destroy(conf);
    return ok;
}

/* ---- a handle ------------------------------------------------------------------------------------------ */

/* librdkafka speaks from threads of its own; what matters comes as an error as well. */
static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    (void)level;
    logger_debug("kafka", "%s: %s", facility, text);
}

static bool set_all(rd_kafka_conf_t *conf, const struct kafka_property *list, struct error *err)
{
    for (; list != NULL && list->name != NULL; list++) {
        if (!set(conf, list->name, list->value, err))
            return false;
    }
    return true;
}

rd_kafka_conf_t *kafka_conf_make(const struct kafka_settings *settings,
                                 const struct kafka_property *defaults,
                                 const struct kafka_property *fixed, struct error *err)
{
    const char *id = settings->client_id != NULL ? settings->client_id : "multisink";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = set(conf, "bootstrap.servers", settings->brokers, err) &&
              set(conf, "client.id", id, err) && set_all(conf, defaults, err);

    for (size_t i = 0; i < settings->property_count && ok; i++)
        ok = set_users(conf, &settings->properties[i], err);
    if (!ok || !set_all(conf, fixed, err)) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_log_cb(conf, log_line);
    return conf;
}

rd_kafka_t *kafka_handle_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct error *err)
{
    char reason[200];
    rd_kafka_t *rk = rd_kafka_new(type, conf, reason, sizeof reason);

    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        (void)error_set(err, ERR_STOP, E_KAFKA_CLIENT, "cannot use librdkafka: %s", reason);
    }
    return rk;
}

/* ---- errors ---------------------------------------------------------------------------------------------- */

static bool is_login(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
           code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM ||
           code == RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE || code == RD_KAFKA_RESP_ERR__SSL;
}

static bool is_permission(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
}

enum error_kind kafka_error_kind(rd_kafka_resp_err_t code)
{
    if (is_login(code) || is_permission(code))
        return ERR_STOP;
    switch (code) {
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        return ERR_STOP;
    default:
        return ERR_RETRY;
    }
}

bool kafka_fail(struct error *err, rd_kafka_resp_err_t code, const char *reason, const char *fmt,
                ...)
{
    enum error_code ours = is_login(code)                       ? E_KAFKA_LOGIN
                           : is_permission(code)                ? E_KAFKA_PERMISSION
                           : kafka_error_kind(code) == ERR_STOP ? E_KAFKA_REFUSED
                                                                : E_KAFKA_DOWN;
    char what[200];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return error_set(err, kafka_error_kind(code), ours, "cannot %s: %s", what,
                     reason != NULL && reason[0] != '\0' ? reason : rd_kafka_err2str(code));
}

void kafka_trouble_note(struct kafka_trouble *t, rd_kafka_resp_err_t code, const char *text)
{
    if (t->code != RD_KAFKA_RESP_ERR_NO_ERROR &&
        (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || (is_login(t->code) && !is_login(code))))
        return;
    t->code = code;
    (void)snprintf(t->text, sizeof t->text, "%s", text);
}

static void take_trouble(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    kafka_trouble_note(opaque, (rd_kafka_resp_err_t)code, reason);
}

void kafka_trouble_watch(rd_kafka_conf_t *conf, struct kafka_trouble *t)
{
    rd_kafka_conf_set_opaque(conf, t);
    rd_kafka_conf_set_error_cb(conf, take_trouble);
}

bool kafka_trouble_fail(const struct kafka_trouble *t, struct error *err, rd_kafka_resp_err_t code,
                        const char *fmt, ...)
{
    bool better = t->code != RD_KAFKA_RESP_ERR_NO_ERROR && kafka_error_kind(code) != ERR_STOP;
    char what[200];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    return kafka_fail(err, better ? t->code : code, better ? t->text : NULL, "%s", what);
}
