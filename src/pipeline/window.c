/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/window.h"

#include <string.h>

/* Drops the samples before the newest that is as old as the window; false when none is. */
static bool expire(struct window *w, int64_t window_us, int64_t now_us)
{
    unsigned from = 0;
    bool found = false;

    for (unsigned i = 0; i < w->count; i++) {
        if (now_us - w->samples[i].at_us >= window_us) {
            from = i;
            found = true;
        }
    }
    w->count -= from;
    memmove(w->samples, w->samples + from, w->count * sizeof w->samples[0]);
    return found;
}

bool window_move(struct window *w, int64_t window_us, int64_t now_us, struct position slowest,
                 struct position *ret_needed)
{
    bool found = expire(w, window_us, now_us);
    int64_t step_us = window_us / (WINDOW_SAMPLES - 2);

    if (found)
        *ret_needed =
            position_cmp(w->samples[0].position, slowest) < 0 ? w->samples[0].position : slowest;
    if (w->count == 0 ||
        (w->count < WINDOW_SAMPLES && now_us - w->samples[w->count - 1].at_us >= step_us))
        w->samples[w->count++] = (struct window_sample){ now_us, slowest };
    return found;
}
