/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOG_H
#define CLI_LOG_H

/* The parts of the log command that have files of their own. */

#include "cli/cli.h"
#include "config/config.h"
#include "stream/stream.h"

struct cli_log_request {
    const char *from; /* NULL: the oldest */
    int64_t limit;    /* 0: none */
    bool as_json;
};

/* Where --from says to begin; *ret_from stays without it. CLI_USAGE: it is no position, which is said. */
int cli_log_from(const struct cli_log_request *q, struct position *ret_from);
/* Prints the newest shape of each table in the stream as JSON lines; gives the exit code. */
int cli_log_tables(struct stream *s);
/* Prints what is in the topics; gives the exit code. */
int cli_log_read_kafka(const struct config *config, const struct cli_log_request *request);

#endif
