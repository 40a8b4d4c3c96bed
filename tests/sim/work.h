/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_WORK_H
#define SIM_WORK_H

/*
 * A workload on a log, made from a seed: units of every size, some aborted, some larger than a segment,
 * synced now and then, old segments removed. Every record names its unit and its place in it, so that
 * the checker, which knows nothing of the log's insides, can tell what is missing, torn or invented.
 */

#include "log/log.h"
#include "sim/disk.h"

#define WORK_DIR "/sim/log"
enum { WORK_SEGMENT = 4096 };

struct work {
    uint64_t seed;
    uint64_t unit;   /* committed so far */
    uint64_t synced; /* of these, durable by the log's word */
    bool retains;    /* removes old segments on the way */
    bool fatal;      /* the log gave up with something else than ERR_RETRY */
    enum error_kind fatal_kind;
    /* What the preamble has to say. */
    uint64_t in_unit;
    uint32_t in_next;
};

struct log_opts work_opts(struct work *w, const struct file_ops *ops);
/* Appends `units` more; stops when the log fails for good. */
void work_run(struct work *w, struct log *l, uint64_t units);
/* Reads everything. Returns NULL and the number of units, or what is wrong. *ret_first: the first unit
 * that is there from its beginning. */
const char *work_check(struct log *l, uint64_t *ret_first, uint64_t *ret_units);

#endif
