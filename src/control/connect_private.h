/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONNECT_PRIVATE_H
#define CONTROL_CONNECT_PRIVATE_H

/* Inside of the worker: what its files share. All of it is the main thread's. */

#include "control/connect_kafka.h"
#include "control/connect_props.h"
#include "control/connect_store.h"
#include "control/connect_translate.h"
#include "control/connect_worker.h"
#include "control/control.h"
#include "sink/sink.h"

enum connect_state { CONNECT_RUNNING, CONNECT_PAUSED, CONNECT_STOPPED };

struct connector {
    char *name;
    char safe[CONNECT_NAME_TEXT]; /* of its pipeline, or of the sink in one */
    const struct connect_plugin *plugin;
    json_t *config; /* owned; texts only, with "name" */
    json_t *notes;  /* owned; never NULL: what state.db remembers of it beside its properties */
    enum connect_state wanted;
    bool of_file;
    bool hidden;        /* no connector, but what runs the file's sinks where it has no source */
    bool quiet;         /* one that is only looked at: nothing is logged of it */
    struct error error; /* why it cannot run; kind ERR_NONE: it can */
    char *prefix;       /* owned: of its topics */

    /* A source: the pipeline. A sink: a file with it alone, which on Kafka is its pipeline. Owned, but for the
     * file's. NULL: not valid. */
    struct config *conf;

    /* a source, and on Kafka a sink */
    struct supervisor *supervisor; /* NULL: not open */
    struct control *status;        /* its status socket */
    struct config_sink *sinks;     /* owned: of all its sink connectors */
    bool started;

    /* a sink */
    struct connector *source;               /* NULL: none has its topics; on Kafka itself */
    size_t at;                              /* in source->sinks, when it is there */
    bool attached;                          /* it is */
    const struct config_sink *file_sink;    /* as the file has it */
    const struct config_strings *sink_from; /* its tables */
};

struct connect_worker {
    struct connect_worker_opts opts;
    struct connect_plugins plugins;
    struct connect_store *store;
    json_t *kafka; /* connect_kafka_base; NULL: the stream is a log */
    struct connector **items;
    size_t count;
    int lock_fd;
    bool running; /* between start and stop */
    struct error file_error;
    int64_t logger_changed_ms[8]; /* root first; 0: never */
    char cluster_id[32];
};

/* ---- connect_connector.c -------------------------------------------------------------------------- */

struct connector *connector_find(const struct connect_worker *w, const char *name);
/* Takes over config and notes; notes may be NULL. Not valid ones have their error set. */
struct connector *connector_add(struct connect_worker *w, const char *name, json_t *config,
                                json_t *notes, enum connect_state wanted);
/* One with nothing but its name. */
struct connector *connector_append(struct connect_worker *w, const char *name);
/* The file's pipeline and its sinks. (connect_file.c) */
void connector_add_file(struct connect_worker *w);
void connector_remove(struct connect_worker *w, struct connector *c);
void connector_free(struct connector *c);
/* Properties -> conf, prefix and error, anew. The pipeline that uses the old ones is closed. */
void connector_read(struct connect_worker *w, struct connector *c);
bool connector_store(struct connect_worker *w, struct connector *c, struct error *err) MUST_CHECK;
const char *connect_state_name(enum connect_state state);
bool connect_state_parse(const char *name, enum connect_state *ret_state);

/* ---- connect_pipeline.c ---------------------------------------------------------------------------- */

/* Closes the source's pipeline and opens it as its connectors are now. The error stays at the source. */
void pipeline_build(struct connect_worker *w, struct connector *source);
void pipeline_close(struct connector *source);
/* The source that a sink's topics name, or itself; NULL. */
struct connector *pipeline_of(const struct connect_worker *w, struct connector *c);
/* Does it run as a pipeline of its own? All do that came over REST with a stream in Kafka. */
bool pipeline_is_own(const struct connect_worker *w, const struct connector *c);

/* ---- connect_catalog.c ------------------------------------------------------------------------------ */

/* Asks the database for the tables that fit, which also shows that it can be reached. In `a`. */
bool connect_catalog_tables(const json_t *config, const struct connect_filters *filters,
                            struct arena *a, const char *const **ret_tables, size_t *ret_count,
                            struct error *err) MUST_CHECK;

/* ---- connect_check.c -------------------------------------------------------------------------------- */

/* All that is wrong with a configuration, as a list of {"name", "text"}; `ask`: the database is asked as well, and *ret_tables (may be
 * NULL) is a JSON list of what it has for it. The list is the caller's. */
json_t *connect_check(struct connect_worker *w, const struct connect_plugin *plugin,
                      const json_t *config, bool ask, json_t **ret_tables);
void connect_answer_validate(struct connect_worker *w, const struct connect_call *call,
                             struct connect_reply *reply);
void connect_answer_plugins(struct connect_worker *w, const struct connect_call *call,
                            struct connect_reply *reply);

/* ---- connect_answer.c ------------------------------------------------------------------------------- */

json_t *connect_info(const struct connector *c);
json_t *connect_status(const struct connect_worker *w, const struct connector *c, bool restarting);
/* Is the connector, or its task, FAILED? */
bool connect_is_failed(const struct connect_worker *w, const struct connector *c, bool task);
/* The topic of one of its tables, as clients are shown it; what is a topic already is itself. */
json_t *connect_topic(const struct connector *c, const char *table);
void connect_answer(struct connect_worker *w, const struct connect_call *call,
                    struct connect_reply *reply);

/* ---- connect_change.c, connect_offsets.c, connect_loggers.c --------------------------------------------- */

/* Refuses a configuration without a class (name NULL), or with one that there is not. */
void connect_no_class(const struct connect_worker *w, const char *name, const json_t *config,
                      struct connect_reply *reply);
void connect_change(struct connect_worker *w, const struct connect_call *call,
                    struct connect_reply *reply);
void connect_offsets(struct connect_worker *w, const struct connect_call *call,
                     struct connect_reply *reply);
/* The offsets of a sink that reads Kafka. `entries` NULL: all are forgotten. (connect_group.c) */
void connect_group_show(const struct connect_worker *w, const struct connector *c,
                        struct connect_reply *reply);
void connect_group_set(const struct connect_worker *w, const struct connector *c,
                       const json_t *entries, const char *done, struct connect_reply *reply);
/* Remembers where a source stands before its pipeline is closed. */
void connect_offsets_note(struct connector *source);
void connect_loggers(struct connect_worker *w, const struct connect_call *call,
                     struct connect_reply *reply);

#endif
