/* SPDX-License-Identifier: Apache-2.0 */
/* A statement of the user's that writes something into the source now and then. */
#include "pipeline/capture.h"

#include "base/logger.h"

static void refused(struct capture *c, struct error *why)
{
    if (c->beat_failed)
        return;
    c->beat_failed = true;
    (void)error_wrap(why, "the heartbeat's query");
    logger_failure(LOGGER_WARN, "capture", why);
}

bool capture_heartbeat(struct capture *c, struct error *err)
{
    const struct config_source *source = &c->opts.config->source;
    int64_t now = clock_mono_us(c->opts.clock);
    struct error why = { 0 };

    if (source->heartbeat_query == NULL || now - c->beat_us < source->heartbeat_ms * 1000)
        return true;
    c->beat_us = now;
    if (postgres_exec(c->sql, source->heartbeat_query, &why)) {
        if (c->beat_failed)
            logger_info("capture", "the heartbeat's query works again");
        c->beat_failed = false;
        return true;
    }
    /* A lock that it waits for must not cost the connection. */
    if (why.kind != ERR_STOP && !error_is(&why, E_PG_TIMEOUT)) {
        *err = why;
        return false;
    }
    refused(c, &why);
    return true;
}
