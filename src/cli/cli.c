/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <signal.h>

const struct cli_command *cli_command_find(const char *name)
{
    size_t count;
    const struct cli_command *commands = cli_commands(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* Is help asked for among the arguments, before a "--"? */
static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            return true;
    }
    return false;
}

const char *cli_command_nearest(const char *name)
{
    const char *names[64];
    size_t count, n = 0;
    const struct cli_command *commands = cli_commands(&count);

    for (size_t i = 0; i < count && n < sizeof names / sizeof names[0]; i++) {
        if (!commands[i].hidden)
            names[n++] = commands[i].name;
    }
    return cli_nearest(name, names, n);
}

static int unknown_command(const char *name)
{
    const char *near = cli_command_nearest(name);

    if (near != NULL)
        return cli_usage_fault(E_CLI_COMMAND, NULL, "unknown command \"%s\", did you mean \"%s\"?",
                               name, near);
    return cli_usage_fault(E_CLI_COMMAND, NULL, "unknown command \"%s\"", name);
}

static int run_help(const char *topic)
{
    char word[] = "help";
    char *argv[] = { word, (char *)(uintptr_t)topic, NULL };

    return cli_help(topic != NULL ? 2 : 1, argv);
}

int cli_main(int argc, char **argv)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    const struct cli_command *command;
    int used;

    /* A peer or a pipe that is gone is an error of the call, not the end of the process. */
    (void)sigaction(SIGPIPE, &ignore, NULL);
    if (argc < 2 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
        return run_help(NULL);
    if (strcmp(argv[1], "--version") == 0)
        return cli_version(1, argv);
    if (!cli_parse_global(argc, argv, &used))
        return CLI_USAGE;
    argc -= 1 + used;
    argv += 1 + used;
    if (argc == 0)
        return run_help(NULL);
    command = cli_command_find(argv[0]);
    if (command == NULL)
        return unknown_command(argv[0]);
    if (wants_help(argc, argv))
        return run_help(command->name);
    return command->run(argc, argv);
}
