/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DEBEZIUM_RECORDING_H
#define TESTS_DEBEZIUM_RECORDING_H

/*
 * Plays the recorded changes (tests/golden/debezium/README.md) through a writer and holds each record against
 * the one that the real connector wrote. What is wall clock, or the real connector's own snapshot, is taken
 * over from the recording before, so that whole records are compared byte for byte.
 */

#include "debezium/writer.h"

struct recording_difference {
    const char *table;  /* "zoo.numbers"; ends in *: all that begin so */
    const char *column; /* or a member of the record: "key", "schema"; "*": any */
    const char *name;   /* of the defect, as docs/kafka.md lists it */
    unsigned seen;      /* filled in: how often it was met */
};

struct recording {
    const char *name; /* "envelope-25" */
    struct debezium_format format;
    bool nulls;                           /* the converter did not replace nulls by defaults */
    bool partial;                         /* not every topic was recorded */
    struct recording_difference *allowed; /* ends with table == NULL */
    /* filled in */
    size_t records;
    size_t differences; /* not among the allowed ones */
};

/* Prints each difference that is not allowed. */
void recording_play(struct recording *r);

#endif
