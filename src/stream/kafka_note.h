/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STREAM_KAFKA_NOTE_H
#define STREAM_KAFKA_NOTE_H

/*
 * What must be known of the records below an offset to read on from there, kept as text with the committed offset:
 *
 *     v1 started=1 position=1/0/16B3748/3 part=0 last=1 wts=1700000000000000
 *
 * Pure.
 */

#include "base/buf.h"
#include "model/position.h"

struct kafka_note {
    bool known;        /* the two below are what they were at that offset */
    bool has_position; /* a record with a position in the history was read */
    struct position position;
    unsigned part; /* of several records of one change: the number behind its position */
    bool last;     /* the record right below the offset is the one with that position */
    int64_t wts;   /* last write stamp; 0: none yet */
    bool started;  /* a sink that keeps its position itself was given its first one */
};

void kafka_note_encode(const struct kafka_note *note, struct buf *b);
/* A text that is none gives an unknown note: whoever reset the group's offset left no note, or one of his own. */
struct kafka_note kafka_note_decode(struct str text);

/* The header multisink.position: a position, and "/part" behind it for the second record of a change. */
bool kafka_note_position(struct str text, struct position *ret_position, unsigned *ret_part);

#endif
