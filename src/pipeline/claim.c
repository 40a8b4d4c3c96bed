/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/claim.h"

#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>

static void put_text(struct buf *b, bool *first, const char *name, const char *text)
{
    json_key(b, first, name);
    json_string(b, str_from(text));
}

static void put_number(struct buf *b, bool *first, const char *name, int64_t v)
{
    json_key(b, first, name);
    buf_dec(b, v);
}

void claim_put(const struct claim *c, struct buf *b)
{
    char position[POSITION_TEXT];
    char system_id[24];
    bool first = true;

    (void)snprintf(system_id, sizeof system_id, "%" PRIu64, c->source.system_id);
    buf_u8(b, '{');
    put_number(b, &first, "term", c->term);
    put_text(b, &first, "writer", c->writer);
    put_text(b, &first, "host", c->host);
    put_number(b, &first, "epoch", c->source.epoch);
    put_text(b, &first, "system_id",
             system_id); /* above what all readers of JSON keep of a number */
    put_number(b, &first, "timeline", c->source.timeline);
    put_text(b, &first, "database", c->source.database);
    put_text(b, &first, "slot", c->source.slot);
    put_number(b, &first, "slot_txns", (int64_t)c->source.slot_txns);
    put_text(b, &first, "phase", checkpoint_phase_name(c->source.phase));
    put_text(b, &first, "position", position_format(c->position, position));
    put_number(b, &first, "wts", c->wts);
    buf_u8(b, '}');
}
