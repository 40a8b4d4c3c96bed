/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CONNECT_WORKER_H
#define CONTROL_CONNECT_WORKER_H

/*
 * The worker: all connectors of this process and the pipelines that they make. A source connector and
 * the sink connectors that name its topics are one pipeline with one supervisor; whatever is changed
 * about one of them stops that supervisor, and opens it again as it shall be now. Capture goes on where
 * it was, so that this costs a moment and never a change.
 *
 * The pipeline of the configuration file is there as a source connector with the pipeline's name, and
 * its sinks are sink connectors: they can be looked at, paused, resumed, stopped and restarted, and are
 * changed in the file. What was told over REST is in state.db (connect_store.h) and comes back with the
 * next start. A source connector keeps its log in connectors/NAME of the data directory.
 *
 *     open -> start -> { tick, handle }* -> stop -> close          all on the main thread
 */

#include "control/connect_reply.h"
#include "control/connect_route.h"
#include "pipeline/supervisor.h"

struct connect_worker;

struct connect_worker_opts {
    struct config *config; /* the file's; the sinks in it are arranged anew as connectors change */
    const struct clock *clock;
    int role; /* enum config_role, of the file's pipeline */
    bool resnapshot;
    struct str handover; /* as in struct supervisor_opts */
    const char *restart_sink;
    const char *address; /* "127.0.0.1:8083": the worker_id */
};

/* Opens the file's pipeline, whose errors are the caller's; what came over REST and cannot run is FAILED
 * and only logged. */
bool connect_worker_open(const struct connect_worker_opts *opts, struct connect_worker **ret_worker,
                         struct error *err) MUST_CHECK;
bool connect_worker_start(struct connect_worker *w, struct error *err) MUST_CHECK;
/* Once a second. DRAINED only when the file's pipeline has come to its end and there is no other. */
enum supervisor_verdict connect_worker_tick(struct connect_worker *w);
/* Readable when the file's capture has ended with an error, as supervisor_failed_fd; -1: none. */
int connect_worker_failed_fd(const struct connect_worker *w);
void connect_worker_handle(struct connect_worker *w, const struct connect_call *call,
                           struct connect_reply *reply);
void connect_worker_stop(struct connect_worker *w);
/* The error that ended the file's capture; kind ERR_NONE when there is none. After connect_worker_stop. */
const struct error *connect_worker_error(const struct connect_worker *w);
void connect_worker_close(struct connect_worker *w);

#endif
