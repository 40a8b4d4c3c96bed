/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/redis_call.h"

#include "base/limits.h"
#include "base/mem.h"
#include "process/key.h"
#include "sink/redis_conn.h"

#include <stdlib.h>

/* What one change may take: the request's ceiling less what is in the call already and its control
 * strings, so that the answer does not depend on the company a change is in. */
#define CHANGE_BYTES_MAX (LIMIT_REDIS_REQUEST - LIMIT_REDIS_CALL - 4 * MIB)

void redis_call_init(struct redis_call *call)
{
    *call = (struct redis_call){ 0 };
    buf_init(&call->counts, LIMIT_REDIS_CALL);
    buf_init(&call->keys, LIMIT_REDIS_CALL);
    buf_init(&call->ids, LIMIT_REDIS_CALL);
    buf_init(&call->held, LIMIT_REDIS_CALL);
    buf_init(&call->args, LIMIT_REDIS_REQUEST);
    buf_init(&call->scratch, LIMIT_REDIS_REQUEST);
}

void redis_call_done(struct redis_call *call)
{
    buf_done(&call->counts);
    buf_done(&call->keys);
    buf_done(&call->ids);
    buf_done(&call->held);
    buf_done(&call->args);
    buf_done(&call->scratch);
    free(call->entries);
}

void redis_call_clear(struct redis_call *call)
{
    buf_clear(&call->counts);
    buf_clear(&call->keys);
    buf_clear(&call->ids);
    buf_clear(&call->held);
    buf_shrink(&call->args, LIMIT_REDIS_CALL);
    buf_shrink(&call->scratch, LIMIT_REDIS_CALL);
    call->arg_count = 0;
    call->any_held = false;
    call->count = 0;
}

bool redis_call_is_full(const struct redis_call *call, size_t commands_max)
{
    return call->count >= commands_max || call->args.n >= LIMIT_REDIS_CALL;
}

/* ---- ids -------------------------------------------------------------------------------------- */

static void make_id(struct position pos, unsigned command, char id[REDIS_ID_BYTES])
{
    str_put_hex(id, pos.epoch, 8);
    str_put_hex(id + 8, pos.commit_end.v, 16);
    str_put_hex(id + 24, pos.ordinal, 8);
    str_put_hex(id + 32, command, 4);
}

void redis_call_change_id(const struct change *c, char id[REDIS_ID_BYTES + 1])
{
    make_id(c->pos, REDIS_WHOLE_CHANGE, id);
    id[REDIS_ID_BYTES] = '\0';
}

struct str redis_call_id(const struct redis_call *call, size_t entry)
{
    return str_make(call->ids.p + entry * REDIS_ID_BYTES, REDIS_ID_BYTES);
}

/* ---- entries ---------------------------------------------------------------------------------- */

static void add_entry(struct redis_call *call, const struct redis_entry *entry, const char *id,
                      uint64_t key, bool held)
{
    if (call->count == call->cap) {
        call->cap = call->cap > 0 ? call->cap * 2 : 256;
        call->entries = mem_resize(call->entries, call->cap, sizeof *call->entries);
    }
    call->entries[call->count++] = *entry;
    /* 0 arguments: the one that follows says why it is refused. */
    buf_u8(&call->counts, entry->command != NULL ? (uint8_t)entry->arg_count : 0);
    buf_put(&call->keys, &key, REDIS_KEY_BYTES);
    buf_put(&call->ids, id, REDIS_ID_BYTES);
    buf_u8(&call->held, held ? '1' : '0');
    call->any_held = call->any_held || held;
    call->arg_count += entry->arg_count;
}

static bool render_arg(struct redis_call *call, const struct redis_arg *arg, const struct change *c,
                       struct error *err)
{
    if (arg->hole == NULL) {
        buf_str(&call->args, arg->wire);
        return true;
    }
    buf_clear(&call->scratch);
    if (!template_render(arg->hole, c, &call->scratch, err))
        return false;
    if (str_starts(buf_view(&call->scratch), STR("{multisink:"))) {
        return error_set(
            err, ERR_REJECT, E_REDIS_KEY_RESERVED,
            "an argument begins with {multisink:, which is kept for the sink's own keys");
    }
    redis_request_arg(&call->args, buf_view(&call->scratch));
    if (!buf_ok(&call->scratch))
        call->args.failed = true;
    return true;
}

static bool render_command(struct redis_call *call, const struct redis_command *command,
                           const struct change *c, size_t start, struct error *err)
{
    for (size_t i = 0; i < command->count; i++) {
        if (!render_arg(call, &command->args[i], c, err))
            return false;
    }
    if (!buf_ok(&call->args) || call->args.n - start > CHANGE_BYTES_MAX) {
        return error_set(err, ERR_REJECT, E_REDIS_TOO_LARGE,
                         "the commands of this change take more than %zu bytes", CHANGE_BYTES_MAX);
    }
    return true;
}

static uint64_t hash_key(struct redis_call *call, const struct change *c)
{
    buf_clear(&call->scratch);
    key_bytes(c, &call->scratch);
    return str_hash(buf_view(&call->scratch));
}

static enum error_code code_of(const struct error *err)
{
    uint64_t number = E_SYS_INTERNAL;

    (void)str_to_u64(str_from(err->code + 1), &number);
    return (enum error_code)number;
}

static void add_refused(struct redis_call *call, const struct change *c, size_t index, uint64_t key,
                        const struct error *why)
{
    struct redis_entry entry = { .change = index, .code = code_of(why), .arg_count = 1 };
    char id[REDIS_ID_BYTES];

    entry.args_at = call->args.n;
    redis_request_arg(&call->args, str_from(why->msg));
    entry.args_n = call->args.n - entry.args_at;
    make_id(c->pos, REDIS_WHOLE_CHANGE, id);
    add_entry(call, &entry, id, key, false);
}

void redis_call_add(struct redis_call *call, const struct redis_commands *commands,
                    const struct change *c, size_t index)
{
    const struct redis_event *event = redis_conf_event(commands, c->op);
    struct redis_entry made[LIMIT_REDIS_COMMANDS];
    size_t start = call->args.n;
    struct error why = { 0 };
    uint64_t key;

    if (event->count == 0)
        return;
    key = hash_key(call, c);
    for (size_t i = 0; i < event->count; i++) {
        const struct redis_command *command = &event->commands[i];
        size_t at = call->args.n;

        if (!render_command(call, command, c, start, &why)) {
            call->args.n = start;
            call->args.failed = false;
            add_refused(call, c, index, key, &why);
            return;
        }
        made[i] = (struct redis_entry){ index, command->name,     E_NONE,
                                        at,    call->args.n - at, command->count };
    }
    for (size_t i = 0; i < event->count; i++) {
        char id[REDIS_ID_BYTES];

        make_id(c->pos, (unsigned)i, id);
        add_entry(call, &made[i], id, key, (c->flags & CHANGE_HELD) != 0);
    }
}

void redis_call_add_parked(struct redis_call *call, struct str id, const struct str *args,
                           size_t arg_count)
{
    struct redis_entry entry = { .command = "", .arg_count = arg_count, .args_at = call->args.n };

    for (size_t i = 0; i < arg_count; i++)
        redis_request_arg(&call->args, args[i]);
    entry.args_n = call->args.n - entry.args_at;
    add_entry(call, &entry, id.p, 0, false);
}

void redis_call_payload(const struct redis_call *call, size_t entry, struct buf *b)
{
    const struct redis_entry *e = &call->entries[entry];

    if (e->command == NULL)
        return;
    buf_putf(b, "*%zu\r\n", e->arg_count);
    buf_put(b, call->args.p + e->args_at, e->args_n);
}
