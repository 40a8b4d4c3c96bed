/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_WRITE_SEND_H
#define CQL_WRITE_SEND_H

/* From requests to bytes in the connections' buffers: each to a node that owns its key, and that has
 * prepared its statement (or is asked to). Sends nothing itself. One thread. */

#include "cql/write.h"

/* Gives the nodes requests until each that could take the next one has enough, nothing is left, or the work
 * has failed. */
void cql_write_feed(struct cql_write *w);

#endif
