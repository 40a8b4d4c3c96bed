/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/handover.h"

#include "base/limits.h"

#include <jansson.h>

static bool refuse(const char *why, struct error *err)
{
    return error_set(err, ERR_STOP, E_HANDOVER, "cannot go on where Debezium stopped: %s", why);
}

/* A member that is a whole number from 0 to `max`, or is not there. */
static bool get_number(const json_t *object, const char *name, uint64_t max, uint64_t *ret_value,
                       struct error *err)
{
    const json_t *member = json_object_get(object, name);

    *ret_value = 0;
    if (member == NULL || json_is_null(member))
        return true;
    if (!json_is_integer(member) || json_integer_value(member) < 0 ||
        (uint64_t)json_integer_value(member) > max) {
        return error_set(
            err, ERR_STOP, E_HANDOVER,
            "cannot go on where Debezium stopped: \"%s\" of the offset is no number from 0 to"
            " %llu",
            name, (unsigned long long)max);
    }
    *ret_value = (uint64_t)json_integer_value(member);
    return true;
}

/* The offset itself, out of what may stand around it. */
static const json_t *find_offset(const json_t *root, struct error *err)
{
    const json_t *list = json_object_get(root, "offsets");
    const json_t *offset = root;

    if (list != NULL) {
        if (json_array_size(list) != 1) {
            (void)refuse("\"offsets\" must hold exactly one partition", err);
            return NULL;
        }
        offset = json_object_get(json_array_get(list, 0), "offset");
    }
    if (!json_is_object(offset)) {
        (void)refuse("there is no offset in what was given", err);
        return NULL;
    }
    return offset;
}

static bool is_true(const json_t *member)
{
    return json_is_true(member) ||
           (json_is_string(member) && strcmp(json_string_value(member), "true") == 0);
}

static bool read_offset(const json_t *offset, struct handover *ret_handover, struct error *err)
{
    struct handover h = { .given = true };
    uint64_t xid;

    if (json_object_get(offset, "snapshot") != NULL &&
        !is_true(json_object_get(offset, "last_snapshot_record")) &&
        !is_true(json_object_get(offset, "snapshot_completed"))) {
        return refuse(
            "its first snapshot is not complete; let it finish, or begin anew with a snapshot of"
            " our own (multisink run --resnapshot)",
            err);
    }
    if (!get_number(offset, "lsn_commit", INT64_MAX, &h.commit_end.v, err) ||
        !get_number(offset, "lsn", INT64_MAX, &h.lsn.v, err) ||
        !get_number(offset, "txId", UINT32_MAX, &xid, err))
        return false;
    if (h.commit_end.v == 0 && h.lsn.v == 0)
        return refuse("the offset has neither \"lsn\" nor \"lsn_commit\"", err);
    h.xid = (uint32_t)xid;
    *ret_handover = h;
    return true;
}

bool handover_parse(struct str json, struct handover *ret_handover, struct error *err)
{
    json_error_t fault;
    const json_t *offset;
    json_t *root;
    bool ok;

    if (json.n > LIMIT_HANDOVER)
        return refuse("the document is longer than an offset can be", err);
    root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(root)) {
        json_decref(root);
        return refuse("what was given is no JSON object", err);
    }
    offset = find_offset(root, err);
    ok = offset != NULL && read_offset(offset, ret_handover, err);
    json_decref(root);
    return ok;
}

bool handover_has_change(const struct handover *h, uint32_t xid, struct lsn lsn)
{
    return h->given && xid != 0 && xid == h->xid && lsn_cmp(lsn, h->lsn) <= 0;
}
