/* SPDX-License-Identifier: Apache-2.0 */
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/faults.h"
#include "sink/sink.h"

#include <stdio.h>
#include <unistd.h>

struct config *cli_load_config(const char *path)
{
    struct config *config = NULL;
    struct error err;
    struct buf text;

    if (path == NULL)
        path = CLI_CONFIG_FILE;
    buf_init(&text, LIMIT_CONFIG_REPORT);
    if (!config_load(path, sink_config_kinds(), &config, &text, &err)) {
        config = NULL;
        if (text.n == 0)
            (void)cli_failure(&err);
    }
    if (config == NULL || !cli_globals()->quiet)
        cli_show_faults(stderr, &text);
    buf_done(&text);
    return config;
}
