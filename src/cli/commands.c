/* SPDX-License-Identifier: Apache-2.0 */
/* The one list of commands, in the order in which help shows them. A new one is its file and one line
 * here. */
#include "cli/cli.h"

static const struct cli_command commands[] = {
    { "init", "write a first pipeline.yaml from a PostgreSQL URL", cli_init_usage, cli_init,
      false },
    { "lint", "check a configuration, offline", cli_lint_usage, cli_lint, false },
    { "check", "look at everything the pipeline needs, change nothing", cli_check_usage, cli_check,
      false },
    { "run", "carry the changes, in the foreground", cli_run_usage, cli_run, false },
    { "status", "how a running pipeline is doing", cli_status_usage, cli_status, false },
    { "log", "look into the log between PostgreSQL and the sinks", cli_log_usage, cli_log, false },
    { "dlq", "list, show, replay or drop parked records", cli_dlq_usage, cli_dlq, false },
    { "slot", "the replication slot: show, drop", cli_slot_usage, cli_slot, false },
    { "receive", "a small HTTP receiver that prints what it gets", cli_receive_usage, cli_receive,
      false },
    { "explain", "what an error code means and what to do", cli_explain_usage, cli_explain, false },
    { "version", "version and what it was built with", cli_version_usage, cli_version, false },
    { "help", "this list, or the help of one command", cli_help_usage, cli_help, false },
    { "docs", "print a generated page of the documentation", cli_docs_usage, cli_docs, true },
};

const struct cli_command *cli_commands(size_t *ret_count)
{
    *ret_count = sizeof commands / sizeof commands[0];
    return commands;
}
