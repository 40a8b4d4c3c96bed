/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_CLAIM_H
#define PIPELINE_CLAIM_H

/*
 * Who writes a stream in Kafka, and how far it has come: the value of the key "capture" in the state topic,
 * as JSON. A machine that takes a slot over goes on from this.
 *
 *     {"term":1,"writer":"<uuid>","host":"a","epoch":1,"system_id":"7…","timeline":1,"database":"shop",
 *      "slot":"cdc_slot","slot_txns":12,"phase":"streaming","position":"1/0/16B3748/0","wts":17…}
 *
 * term: rises each time somebody takes the stream, so that what an older writer puts down late is known by it.
 * position: all up to there is in Kafka, and no LSN above it is ever confirmed to PostgreSQL. wts: the
 * changes behind the position are stamped above it. Names that are not known are passed over. Pure.
 */

#include "base/buf.h"
#include "pipeline/checkpoint.h"

enum { CLAIM_WRITER = 37, CLAIM_HOST = 65 };

struct claim {
    int64_t term;
    char writer[CLAIM_WRITER]; /* of the state.db that it was written from */
    char host[CLAIM_HOST];     /* for people */
    struct checkpoint_source source;
    struct position position;
    int64_t wts;
};

void claim_put(const struct claim *c, struct buf *b);
/* ERR_STOP E_WRITER_STATE: the text is not ours. */
bool claim_parse(struct str json, struct claim *ret_claim, struct error *err) MUST_CHECK;

#endif
