/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_SINK_H
#define SINK_SINK_H

/*
 * The contract between the deliver loop and a sink. A sink is one file and one line in registry.c; it
 * knows neither PostgreSQL nor the stream.
 *
 * Life cycle, all on the sink's own deliver thread:
 *     open -> position? -> relation(shape)* -> write(batch)* -> close
 * After ERR_RETRY from any call the loop waits (backoff with jitter) and calls the same again with the
 * same arguments; a sink reconnects by itself when it is called. A sink never sleeps, never retries and
 * never logs above debug level. It returns soon after env->stop_fd is set (ERR_CANCEL).
 *
 * write: true = everything of the batch is durable at the target, but for what `res` lists. ERR_RETRY =
 * nobody knows how much was applied; the same batch comes again, byte for byte. ERR_REJECT is never
 * returned by write: a record that can never be written goes into `res`. ERR_STOP = a person must act;
 * the loop stops this sink, keeps its position, and shows the error.
 *
 * Everything in a batch lives until write returns; a sink that keeps bytes copies them.
 */

#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "model/change.h"

struct sink; /* each sink defines its own; the first member is none of the loop's business */

/* Small durable values of a sink (batch boundaries, for example), kept in state.db under the sink's
 * name. put is durable when it returns. */
struct sink_store {
    void *ctx;
    bool (*put)(void *ctx, const char *key, struct str value, struct error *err);
    /* *ret_value lives in `a`; n == 0 and p == NULL when there is none. */
    bool (*get)(void *ctx, const char *key, struct arena *a, struct str *ret_value,
                struct error *err);
};

/* Holds nothing, and nothing can be put: for a look that changes nothing. */
extern const struct sink_store sink_store_none;

struct sink_env {
    const char *pipeline; /* names of the configuration */
    const char *name;
    /* With a stream in Kafka: the partition that this instance serves, as "topic/partition". A sink that keeps a
     * position at the target keeps one for each. NULL: there is only one. */
    const char *lane;
    /* Only to see whether it opens and takes the tables' shapes: nothing is changed at the target, and close follows. */
    bool trial;
    int stop_fd;
    const struct clock *clock;
    const struct sink_store *store;
};

/* One record that was not applied and never will be as it is. */
struct sink_reject {
    size_t index; /* of the change in the batch */
    bool waiting; /* not refused itself: held back behind a refused one of the same key */
    enum error_code code;
    const char *reason; /* in the batch's arena: column, value, answer of the server */
    struct str payload; /* what to send again, if it is not the whole change (Redis: one command
                                of several); in the batch's arena; n == 0: the change itself */
    const char *id;     /* the sink's own name for it, stable across retries; NULL: by position */
};

struct sink_result {
    struct sink_reject *rejects; /* in the batch's arena */
    size_t reject_count;
    size_t reject_cap;
};

struct sink_ops {
    const char *name, *help;
    const struct config_key *keys;
    size_t conf_size;
    void (*check)(const void *conf, const struct config_node *map, struct config_report *rep);
    /* Does the order of the records of one key matter at the target? Then later records of a parked key
     * are held back behind it: a sink with `replay` gets them marked CHANGE_HELD and rejects them as
     * waiting, so that it can name them; from any other sink they are kept away. (Cassandra: no, its
     * write stamps order.) */
    bool ordered;
    /* The target drops by itself what it has already: its position need not be stored after each batch. */
    bool skips_repeats;

    bool (*open)(const void *conf, const struct sink_env *env, struct sink **ret_sink,
                 struct error *err);
    /* Only for a sink that keeps its position at the target, together with the data: what it is now.
     * *ret_found false: there is none yet. Called after open and after every ERR_RETRY of write: the
     * target may have lost its last second, then the loop goes back with it. Such a sink is given a batch
     * without changes now and then, only to move its position. NULL: state.db keeps it. */
    bool (*position)(struct sink *s, bool *ret_found, struct position *ret_position,
                     struct error *err);
    /* First thing for such a sink when it has none yet: start from here. NULL as above. */
    bool (*start)(struct sink *s, struct position from, struct error *err);
    /* A table's new or changed shape, before the first change that uses it, and at start. Checks the
     * mapping against the target, all faults in one message (ERR_STOP). */
    bool (*relation)(struct sink *s, const struct relation *rel, struct error *err);
    bool (*write)(struct sink *s, const struct batch *b, struct sink_result *res,
                  struct error *err);
    /* Sends a parked payload (sink_reject.payload and id) again; NULL when rejects have none. True:
     * applied now or before. ERR_REJECT: refused again. */
    bool (*replay)(struct sink *s, const char *id, struct str payload, struct error *err);
    /* The user dropped a parked record: forget it at the target too. May be NULL. */
    bool (*forget)(struct sink *s, const char *id, struct error *err);
    /* For `check`: connects, looks, changes nothing; each finding through `say` ("ok", "warn", "FAIL").
     * May be NULL. */
    bool (*probe)(const void *conf, const struct sink_env *env, const struct relation *const *rels,
                  size_t rel_count,
                  void (*say)(void *ctx, const char *verdict, const char *text, const char *fix),
                  void *ctx, struct error *err);
    /* Called about every second while there is nothing to write; may be NULL. Errors as from write. */
    bool (*idle)(struct sink *s, struct error *err);
    void (*close)(struct sink *s);
};

/* Adds to res; reason and payload are copied into the batch's arena. */
void sink_reject_add(struct sink_result *res, const struct batch *b,
                     const struct sink_reject *reject);

/* The one list of sinks (registry.c). */
const struct sink_ops *const *sink_list(size_t *ret_count);
const struct sink_ops *sink_find(const char *name);
/* The same list as config/ wants it, and what else it asks of the rooms above. */
const struct config_kinds *sink_config_kinds(void);

#endif
