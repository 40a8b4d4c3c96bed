/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_WINDOW_H
#define CONFIG_WINDOW_H

/*
 * The part of a source line that a finding shows. The line may hold a secret: every column that may belong
 * to one is hidden, and however long it is, it is shown as "***". Pure; any thread.
 */

#include "config/report.h"

enum { CONFIG_WINDOW = 100 };

/* One entry per column. */
struct config_window {
    struct str line;
    int first; /* column of the first entry, from 1 */
    int count;
    struct str chars[CONFIG_WINDOW];
    bool hidden[CONFIG_WINDOW];
    bool cut; /* the line goes on behind it */
};

/* The window around the place; it points into rep->source. */
void config_window_fill(const struct config_report *rep, const struct config_span *at,
                        struct config_window *w);
void config_window_put(const struct config_window *w, struct buf *b);
/* How wide the entries [0, n) are on the screen: as config_window_put writes them. */
int config_window_width(const struct config_window *w, int n);
/* Spaces in their place; a tab stays a tab, so that two lines keep in step. */
void config_window_indent(const struct config_window *w, int n, struct buf *b);

#endif
