/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_PARK_H
#define PIPELINE_PARK_H

/*
 * Parked records: what a target refuses for good is set aside here, with its reason, until a person
 * replays or drops it. Where the order of a key matters, its later records wait behind it: a key's
 * records leave in the order they came, and the first that is refused again holds back the rest.
 *
 * The daemon parks, replays and drops; the `dlq` command, in another process, only reads and leaves a
 * request in `action`. Thread: that of the struct state.
 */

#include "base/buf.h"
#include "model/change.h"
#include "pipeline/state.h"
#include "sink/sink.h"

enum park_action { PARK_NONE = 0, PARK_REPLAY = 1, PARK_DROP = 2 };

struct park_record {
    int64_t id;
    struct str sink;
    struct str ref; /* the sink's name for it, or its position */
    struct str position;
    struct str key; /* key_bytes */
    struct str key_text;
    struct str op;
    struct str relation;
    bool waiting;
    struct str code;
    struct str reason;
    struct str payload; /* sink_reject.payload; n == 0: the whole change */
    struct str frames;  /* u32le length + 'T', 'R' and 'C' frame of the change */
    int64_t parked_us;
    int64_t attempts;
    enum park_action action;
};

/* Adds one (durable with the next commit; the caller brackets with state_run BEGIN/COMMIT). A record
 * that is there already, by sink and ref, stays as it is. */
bool park_add(struct state *st, const char *sink, const struct change *c,
              const struct sink_reject *reject, int64_t now_us, struct error *err) MUST_CHECK;
bool park_count(struct state *st, const char *sink, int64_t *ret_count,
                struct error *err) MUST_CHECK;

/* Calls `each` for the records of a sink (NULL: of all), oldest first; of one key when key.p is not
 * NULL. The record's texts are borrowed for the call. Returning false ends it early. */
bool park_each(struct state *st, const char *sink, struct str key,
               bool (*each)(void *ctx, const struct park_record *r), void *ctx,
               struct error *err) MUST_CHECK;
/* Is anything to be done: a request, or a waiting record with nothing refused before it? Gives the
 * first such record's key, copied into `a`; n == 0: nothing. */
bool park_due_key(struct state *st, const char *sink, struct arena *a, struct str *ret_key,
                  struct error *err) MUST_CHECK;
/* The oldest record of a key, copied into `a`; NULL when there is none. */
bool park_first(struct state *st, const char *sink, struct str key, struct arena *a,
                const struct park_record **ret_record, struct error *err) MUST_CHECK;
/* The oldest record with a request, whatever its key, copied into `a`; NULL when there is none. For a sink
 * in which nothing waits for anything. */
bool park_asked(struct state *st, const char *sink, struct arena *a,
                const struct park_record **ret_record, struct error *err) MUST_CHECK;
/* The record of that ref, copied into `a`; NULL when there is none. */
bool park_find(struct state *st, const char *sink, struct str ref, struct arena *a,
               const struct park_record **ret_record, struct error *err) MUST_CHECK;
bool park_delete(struct state *st, int64_t id, struct error *err) MUST_CHECK;
/* Refused again: the new reason, one attempt more, no request. */
bool park_refused(struct state *st, int64_t id, const char *code, const char *reason,
                  struct error *err) MUST_CHECK;
/* Leaves a request on a record (id > 0), or on all of a sink (id 0); *ret_count: how many. */
bool park_request(struct state *st, const char *sink, int64_t id, enum park_action action,
                  int64_t *ret_count, struct error *err) MUST_CHECK;
/* Leaves a request on the record with that ref. */
bool park_request_ref(struct state *st, const char *sink, struct str ref, enum park_action action,
                      struct error *err) MUST_CHECK;

/* Deletes a record (id > 0) or all of a sink (id 0) that no daemon serves any more. */
bool park_forget(struct state *st, const char *sink, int64_t id, int64_t *ret_count,
                 struct error *err) MUST_CHECK;

/* The change back from its frames, with everything in `a`; false when they do not decode. */
bool park_change(const struct park_record *r, struct arena *a, struct change *ret_change);

#endif
