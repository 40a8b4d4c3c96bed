/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

/*
 * Inside of the config room: the faults of one file, collected while it is read (report.c) and rendered
 * at the end, in the order of the file (render.c). Lives in the config's arena. One thread.
 */

#include "base/limits.h"
#include "config/config.h"

/* A stretch of the file; columns count characters from 1, the end is just behind it. */
struct config_span {
    int line, column;
    int end_line, end_column;
};

struct config_finding {
    bool warning;
    enum error_code code;
    struct config_span at; /* line 0: the file as a whole */
    const char *message;
    const char *note;  /* beside the caret, or NULL */
    const char *known; /* "a, b, c", or NULL */
};

struct config_report {
    const char *path;
    struct str source; /* the file's text without a byte order mark */
    struct arena *arena;
    struct config_finding findings[LIMIT_CONFIG_FAULTS]; /* the first ones */
    size_t shown;
    size_t error_count; /* all of them */
    size_t warning_count;

    struct config_span *masks; /* secrets written out in the file */
    size_t mask_count, mask_cap;
    struct str *secrets; /* resolved ones, to be wiped at the end */
    size_t secret_count, secret_cap;
    size_t secret_bytes;

    const struct config_kinds *kinds; /* for the keys "sinks" and "stream.kafka.properties" */
};

/* A fault at a place that has no node. */
void config_fault_span(struct config_report *rep, struct config_span at, enum error_code code,
                       const char *note, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
/* A fault with "did you mean" for `name` (when one is near) and the known names. */
void config_fault_known(struct config_report *rep, const struct config_node *at,
                        enum error_code code, struct str name, const char *const *known,
                        size_t known_count, const char *fmt, ...)
    __attribute__((format(printf, 7, 8)));
/* Remembers bytes in the arena that config_free has to wipe. */
void config_secret_add(struct config_report *rep, struct str secret);

/* The value as a message may show it: "***" for a secret; cut, and in the arena. */
const char *config_shown(struct config_report *rep, const struct config_node *node);

/* All findings as text, and the line that sums them up; nothing when there are none. */
void config_render(const struct config_report *rep, struct buf *b);

#endif
