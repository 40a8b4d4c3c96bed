/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/backoff.h"

void backoff_init(struct backoff *b, int64_t initial_ms, int64_t max_ms, uint64_t seed)
{
    *b = (struct backoff){ .initial_ms = initial_ms > 0 ? initial_ms : 1,
                           .max_ms = max_ms,
                           .seed = seed | 1 };
    if (b->max_ms < b->initial_ms)
        b->max_ms = b->initial_ms;
}

void backoff_clear(struct backoff *b)
{
    b->next_ms = 0;
    b->tries = 0;
}

/* xorshift64: quality does not matter here. */
static uint64_t draw(struct backoff *b)
{
    b->seed ^= b->seed << 13;
    b->seed ^= b->seed >> 7;
    b->seed ^= b->seed << 17;
    return b->seed;
}

int backoff_next_ms(struct backoff *b)
{
    int64_t full = b->next_ms > 0 ? b->next_ms : b->initial_ms;
    int64_t half = full / 2;

    b->next_ms = full > b->max_ms / 2 ? b->max_ms : full * 2;
    b->tries++;
    return (int)(half + (int64_t)(draw(b) % (uint64_t)(full - half + 1)));
}
