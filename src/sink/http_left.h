/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_HTTP_LEFT_H
#define SINK_HTTP_LEFT_H

/*
 * What one run of the sink leaves to the next in its store: where the lists of a batch were cut, before
 * the first of them is sent, and what was accepted of an unfinished batch, at close. So that lists keep
 * their ids, and only a crash makes anything go out twice.
 *
 * Life cycle: init -> load -> plan, forget for each batch -> store -> done. The sink's deliver thread.
 * Errors: those of the store; ERR_STOP, E_HTTP_STORED.
 */

#include "sink/http.h"

struct http_left {
    const struct sink_store *store; /* NULL: nothing is kept */
    struct arena arena;             /* holds what was loaded */
    struct buf stored;
    bool any; /* the last run left something that batches have not passed yet */
    struct http_marks marks;
    struct position before;
    const struct position *sent;
    size_t sent_count;
};

void http_left_init(struct http_left *l, const struct sink_store *store);
void http_left_done(struct http_left *l);
bool http_left_load(struct http_left *l, struct error *err) MUST_CHECK;
/* Makes the plan of a batch along what was left, and stores where its lists are cut. */
bool http_left_plan(struct http_left *l, const struct http_conf *conf, const struct batch *b,
                    struct http_plan *p, struct error *err) MUST_CHECK;
/* Behind a batch that is delivered: once the batches are past what the last run left, no later run may take
 * it for its own. */
bool http_left_forget(struct http_left *l, const struct batch *b, struct error *err) MUST_CHECK;
/* Stores what was accepted of an unfinished batch, and what the run before this one had accepted beyond it.
 * A failure costs repeats, nothing else. */
void http_left_store(struct http_left *l, const struct http_plan *p);

#endif
