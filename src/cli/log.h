/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LOG_H
#define CLI_LOG_H

/* The parts of the log command that have files of their own. */

#include "cli/cli.h"
#include "stream/stream.h"

/* Prints the newest shape of each table in the stream as JSON lines; gives the exit code. */
int cli_log_tables(struct stream *s);

#endif
