/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "cli/cli.h"

const char cli_help_usage[] = "multisink help           the list of commands\n"
                              "multisink help check     examples and options of one command\n";

static const char intro[] =
    "multisink carries every committed change of a PostgreSQL database into\n"
    "Cassandra, Redis and HTTP APIs.\n"
    "\n"
    "First steps:\n"
    "  multisink init --from postgres://user@host/db   writes pipeline.yaml\n"
    "  multisink check pipeline.yaml                   says what is still missing\n"
    "  multisink run pipeline.yaml                     carries the changes\n"
    "\n"
    "Commands:\n";

static const char options[] =
    "\n"
    "Options of every command:\n"
    "  -h, --help              help for the command\n"
    "  -q, --quiet             only warnings and errors\n"
    "  --no-color              no colour (also: the environment variable NO_COLOR)\n"
    "  --log-format text|json  form of the log lines on stderr\n"
    "  --log-level LEVEL       debug, info, warn, error or off\n"
    "\n"
    "Exit codes: 0 ok, 1 runtime, 2 usage or configuration, 3 a peer is\n"
    "unreachable, 5 data, 6 unhealthy.\n"
    "Help on one command: multisink help COMMAND\n";

static void put_overview(struct buf *b)
{
    size_t count;
    const struct cli_command *commands = cli_commands(&count);

    buf_text(b, intro);
    for (size_t i = 0; i < count; i++) {
        if (!commands[i].hidden)
            buf_putf(b, "  %-9s %s\n", commands[i].name, commands[i].summary);
    }
    buf_text(b, options);
}

static void put_command(struct buf *b, const struct cli_command *command)
{
    size_t n;

    buf_putf(b, "multisink %s: %s\n\n", command->name, command->summary);
    buf_text(b, command->usage);
    n = strlen(command->usage);
    if (n > 0 && command->usage[n - 1] != '\n')
        buf_text(b, "\n");
}

static int no_such_command(const char *name)
{
    const char *near = cli_command_nearest(name);

    if (near != NULL)
        return cli_usage_error("help", "there is no command \"%s\", did you mean \"%s\"?", name,
                               near);
    return cli_usage_error("help", "there is no command \"%s\"", name);
}

int cli_help(int argc, char **argv)
{
    static const struct cli_option no_options[] = { { NULL, 0, CLI_FLAG, NULL } };
    const struct cli_command *command = NULL;
    struct buf b;
    int count;

    if (!cli_parse(argc, argv, no_options, &count))
        return CLI_USAGE;
    if (count > 1)
        return cli_usage_error("help", "it takes one command, not %d words", count);
    if (count == 1) {
        command = cli_command_find(argv[1]);
        if (command == NULL)
            return no_such_command(argv[1]);
    }
    buf_init(&b, MIB);
    if (command != NULL)
        put_command(&b, command);
    else
        put_overview(&b);
    return cli_finish(&b);
}
