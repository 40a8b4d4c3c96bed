/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/claim.h"

#include <jansson.h>

static bool take_text(const json_t *root, const char *name, char *field, size_t size)
{
    const json_t *value = json_object_get(root, name);

    return json_is_string(value) &&
           str_copy(str_make(json_string_value(value), json_string_length(value)), field, size);
}

static bool take_number(const json_t *root, const char *name, int64_t max, int64_t *ret_value)
{
    const json_t *value = json_object_get(root, name);

    *ret_value = json_integer_value(value);
    return json_is_integer(value) && *ret_value >= 0 && *ret_value <= max;
}

static bool take_source(const json_t *root, struct checkpoint_source *s)
{
    char system_id[24];
    char phase[16];
    int64_t epoch;
    int64_t timeline;
    int64_t txns;

    if (!take_number(root, "epoch", UINT32_MAX, &epoch) || epoch == 0 ||
        !take_number(root, "timeline", UINT32_MAX, &timeline) ||
        !take_number(root, "slot_txns", INT64_MAX, &txns) ||
        !take_text(root, "system_id", system_id, sizeof system_id) ||
        !take_text(root, "phase", phase, sizeof phase) ||
        !take_text(root, "database", s->database, sizeof s->database) ||
        !take_text(root, "slot", s->slot, sizeof s->slot))
        return false;
    s->epoch = (uint32_t)epoch;
    s->timeline = (uint32_t)timeline;
    s->slot_txns = (uint64_t)txns;
    return str_to_u64(str_from(system_id), &s->system_id) &&
           checkpoint_phase_parse(str_from(phase), &s->phase);
}

bool claim_parse(struct str json, struct claim *ret_claim, struct error *err)
{
    json_t *root = json_loadb(json.n > 0 ? json.p : "", json.n, JSON_REJECT_DUPLICATES, NULL);
    char position[POSITION_TEXT];
    struct claim c = { 0 };
    bool ok = json_is_object(root) && take_source(root, &c.source) &&
              take_number(root, "term", INT64_MAX, &c.term) &&
              take_text(root, "writer", c.writer, sizeof c.writer) && c.writer[0] != '\0' &&
              take_text(root, "host", c.host, sizeof c.host) &&
              take_text(root, "position", position, sizeof position) &&
              position_parse(str_from(position), &c.position) &&
              take_number(root, "wts", INT64_MAX, &c.wts);

    json_decref(root);
    if (!ok)
        return error_set(err, ERR_STOP, E_WRITER_STATE,
                         "cannot go on: what the state topic says of the writer makes no sense");
    *ret_claim = c;
    return true;
}
