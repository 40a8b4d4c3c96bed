/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SINK_REDIS_CALL_H
#define SINK_REDIS_CALL_H

/*
 * Changes turned into the commands of one script call. A change whose commands cannot be made (a hole
 * without a value, a reserved key, too large) goes in as one entry that is refused with its reason, so
 * that order and accounting are the same as for a command that Redis refuses. The same changes always
 * give the same entries and ids. Pure. One thread.
 */

#include "sink/redis_conf.h"

/* Fixed width, so that the script finds the n-th without separators; ids in order of the stream:
 * epoch (8 hex digits), commit end LSN (16), ordinal (8), command within the change (4). */
enum { REDIS_ID_BYTES = 36, REDIS_KEY_BYTES = 8 };
/* The command number of an entry that stands for a whole change. */
enum { REDIS_WHOLE_CHANGE = 0xffff };

struct redis_entry {
    size_t change;          /* index in the batch */
    const char *command;    /* its name; NULL: the whole change, refused by us */
    enum error_code code;   /* why, for a whole change */
    size_t args_at, args_n; /* in `args` */
    size_t arg_count;
};

struct redis_call {
    struct buf counts, keys, ids, held; /* the script's control strings */
    struct buf args;                    /* arguments in wire form */
    size_t arg_count;
    bool any_held;
    struct redis_entry *entries; /* owned */
    size_t count, cap;
    struct buf scratch;
};

void redis_call_init(struct redis_call *call);
void redis_call_done(struct redis_call *call);
void redis_call_clear(struct redis_call *call);

/* Adds the commands of a change; none when its kind has none. */
void redis_call_add(struct redis_call *call, const struct redis_commands *commands,
                    const struct change *c, size_t index);
/* Adds one command given as a list of strings, as parked records keep it. */
void redis_call_add_parked(struct redis_call *call, struct str id, const struct str *args,
                           size_t arg_count);
/* Is it large enough to be sent? */
bool redis_call_is_full(const struct redis_call *call, size_t commands_max);

struct str redis_call_id(const struct redis_call *call, size_t entry);
/* The id of a change that was parked as a whole. */
void redis_call_change_id(const struct change *c, char id[REDIS_ID_BYTES + 1]);
/* The command as it is parked: the array that goes over the wire. Empty for a whole change. */
void redis_call_payload(const struct redis_call *call, size_t entry, struct buf *b);

#endif
