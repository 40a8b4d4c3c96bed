/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_CHECKPOINT_H
#define PIPELINE_CHECKPOINT_H

/*
 * How far everything has come: which history the log continues, and where each sink stands.
 *
 * (4) A sink's position moves only after the sink said that everything up to it is durable there, or
 *     it was parked durably here; checkpoint_set_position is called nowhere else than behind that.
 *     It never falls within a history, but for a sink that keeps its own position and lost some.
 */

#include "model/position.h"
#include "pipeline/state.h"
#include "sink/sink.h"

/* CREATING: our slot may or may not exist; SNAPSHOT: it does, the first copy is not complete;
 * STREAMING: everything up to the stream's end is in it. */
enum checkpoint_phase { CHECKPOINT_CREATING, CHECKPOINT_SNAPSHOT, CHECKPOINT_STREAMING };

const char *checkpoint_phase_name(enum checkpoint_phase phase);
bool checkpoint_phase_parse(struct str name, enum checkpoint_phase *ret_phase);

struct checkpoint_source {
    uint32_t epoch;
    uint64_t system_id;
    uint32_t timeline;
    char database[64];
    char slot[64];
    enum checkpoint_phase phase;
    uint64_t slot_txns; /* pg_stat_replication_slots.total_txns when last looked at */
};

bool checkpoint_get_source(struct state *st, bool *ret_found, struct checkpoint_source *ret_source,
                           struct error *err) MUST_CHECK;
/* Durable when it returns. */
bool checkpoint_set_source(struct state *st, const struct checkpoint_source *source,
                           struct error *err) MUST_CHECK;

/* Forgets the source and where `sink` stands: what they tell of is gone. Durable. */
bool checkpoint_forget(struct state *st, const char *sink, struct error *err) MUST_CHECK;
/* A uuid that is this directory's alone, made with the first call. */
enum { CHECKPOINT_WRITER = 37 };
bool checkpoint_writer(struct state *st, char ret_writer[CHECKPOINT_WRITER],
                       struct error *err) MUST_CHECK;

/* *ret_started: a sink that keeps its position itself was given its first one. */
bool checkpoint_get_position(struct state *st, const char *sink, bool *ret_found,
                             struct position *ret_position, bool *ret_started,
                             struct error *err) MUST_CHECK;
bool checkpoint_set_position(struct state *st, const char *sink, struct position position,
                             bool started, struct error *err) MUST_CHECK;

/* The sink_store of a sink; `ctx` is kept by the caller as long as the store is in use. */
struct checkpoint_store {
    struct state *st;
    const char *sink;
};
struct sink_store checkpoint_store(struct checkpoint_store *ctx);

#endif
