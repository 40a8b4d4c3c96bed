/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PIPELINE_WINDOW_H
#define PIPELINE_WINDOW_H

/*
 * The safety window of retention: where the slowest sink stood some time ago.
 *
 *  (5) A segment is removed only when every sink's position was past it a safety window ago, and is past
 *      it now: a sink may roll back, and then stands before where it once was.
 *
 * Pure: the caller brings the time. Kept as at most 64 samples over the window, so that it errs on the
 * old side by a 64th. Nothing is given up before the first sample is as old as the window.
 */

#include "model/position.h"

enum { WINDOW_SAMPLES = 64 };

struct window {
    struct window_sample {
        int64_t at_us;
        struct position position;
    } samples[WINDOW_SAMPLES];
    unsigned count;
};

/* The slowest sink stands at `slowest` now; times are monotonic. *ret_needed: all up to there may go.
 * False: nothing may go yet. */
bool window_move(struct window *w, int64_t window_us, int64_t now_us, struct position slowest,
                 struct position *ret_needed);

#endif
