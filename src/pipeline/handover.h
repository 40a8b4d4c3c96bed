/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_HANDOVER_H
#define PIPELINE_HANDOVER_H

/*
 * Taking over a slot from Debezium. Debezium confirms less to PostgreSQL than it has written to Kafka, so the
 * slot gives again what the topic holds already. What was written last is in Debezium's offset, which Kafka
 * Connect keeps and shows (GET /connectors/NAME/offsets):
 *
 *   lsn_commit   end of the last transaction that is complete in the topic
 *   txId, lsn    the transaction of the last event, and that event's own LSN
 *
 * So a transaction is dropped when it ends at or below lsn_commit (the assembler begins there), and of the
 * transaction txId the changes at or below lsn. This is the one place where a row's own LSN decides: the rows of one transaction come in the
 * order of their LSNs, and Debezium has written them in that order. Pure; any thread.
 */

#include "base/error.h"
#include "base/str.h"
#include "model/lsn.h"

struct handover {
    bool given;
    struct lsn commit_end; /* 0: no transaction was complete yet */
    struct lsn lsn;        /* 0: no event of an open transaction */
    uint32_t xid;
};

/* Reads the answer of GET .../offsets, or the one offset in it. ERR_STOP E_HANDOVER: it is none, holds several
 * partitions, or Debezium's first snapshot was not complete. */
bool handover_parse(struct str json, struct handover *ret_handover, struct error *err) MUST_CHECK;

/* Is a change of the transaction `xid` in the topic already? */
bool handover_has_change(const struct handover *h, uint32_t xid, struct lsn lsn);

#endif
