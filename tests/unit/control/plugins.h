/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_CONTROL_PLUGINS_H
#define TEST_CONTROL_PLUGINS_H

/* The plugins of this program, from setup to teardown of a group of tests. */

#include "control/connect_props.h"
#include "sink/sink.h"

static struct connect_plugins plugins;

static inline int setup(void **state)
{
    const struct config_kinds *kinds = sink_config_kinds();

    (void)state;
    connect_plugins_init(&plugins, kinds->sinks, kinds->sink_count);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    connect_plugins_done(&plugins);
    return 0;
}

#endif
