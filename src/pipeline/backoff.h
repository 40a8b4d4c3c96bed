/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_BACKOFF_H
#define PIPELINE_BACKOFF_H

/* How long to wait before the next try: doubling from `initial` to `max`, each wait drawn evenly from
 * its upper half (so that many clients do not come back at once). Pure but for its own seed. */

#include <stdint.h>

struct backoff {
    int64_t initial_ms;
    int64_t max_ms;
    int64_t next_ms; /* 0: the next wait is the first */
    uint64_t seed;
    unsigned tries;
};

void backoff_init(struct backoff *b, int64_t initial_ms, int64_t max_ms, uint64_t seed);
/* After a success. */
void backoff_clear(struct backoff *b);
int backoff_next_ms(struct backoff *b);

#endif
