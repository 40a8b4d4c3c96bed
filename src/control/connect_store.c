/* SPDX-License-Identifier: Apache-2.0 */
#include "control/connect_store.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct connect_store {
    struct state *state;
};

bool connect_store_open(const char *dir, struct connect_store **ret_store, struct error *err)
{
    struct connect_store *s = mem_zalloc(1, sizeof *s);

    if (state_open(dir, true, &s->state, err) && state_durable(s->state, true, err) &&
        state_run(s->state,
                  "CREATE TABLE IF NOT EXISTS connector(id INTEGER PRIMARY KEY AUTOINCREMENT,"
                  " name TEXT NOT NULL UNIQUE, config TEXT, state TEXT NOT NULL, notes TEXT)",
                  err)) {
        *ret_store = s;
        return true;
    }
    connect_store_close(s);
    return false;
}

void connect_store_close(struct connect_store *s)
{
    if (s == NULL)
        return;
    state_close(s->state);
    free(s);
}

/* NULL for SQL NULL, and for what is no JSON. */
static json_t *object_of(struct str text)
{
    return text.n > 0 ? json_loadb(text.p, text.n, 0, NULL) : NULL;
}

bool connect_store_load(struct connect_store *s,
                        void (*each)(void *ctx, const struct connect_stored *c), void *ctx,
                        struct error *err)
{
    struct state_query q;
    bool row;

    if (!state_query(s->state, &q,
                     "SELECT name, COALESCE(config, ''), state, COALESCE(notes, '') FROM connector"
                     " ORDER BY id",
                     err))
        return false;
    for (;;) {
        char *name;
        char *state;
        struct connect_stored c;

        if (!state_step(&q, &row, err))
            return false;
        if (!row)
            break;
        name = mem_strndup(state_text(&q, 0));
        state = mem_strndup(state_text(&q, 2));
        c = (struct connect_stored){ name, object_of(state_text(&q, 1)), state,
                                     object_of(state_text(&q, 3)) };
        each(ctx, &c);
        json_decref(c.config);
        json_decref(c.notes);
        free(name);
        free(state);
    }
    state_end(&q);
    return true;
}

static char *text_of(const json_t *object)
{
    return object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
}

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

bool connect_store_put(struct connect_store *s, const struct connect_stored *c, struct error *err)
{
    char *config = text_of(c->config);
    char *notes = text_of(c->notes);
    struct state_query q;
    bool ok;

    ok = state_query(s->state, &q,
                     "INSERT INTO connector(name, config, state, notes)"
                     " VALUES(?1, NULLIF(?2, ''), ?3, NULLIF(?4, ''))"
                     " ON CONFLICT(name) DO UPDATE SET config = excluded.config,"
                     " state = excluded.state, notes = excluded.notes",
                     err);
    if (ok) {
        state_bind_text(&q, 1, str_from(c->name));
        state_bind_text(&q, 2, str_from(config != NULL ? config : ""));
        state_bind_text(&q, 3, str_from(c->state));
        state_bind_text(&q, 4, str_from(notes != NULL ? notes : ""));
        ok = state_finish(&q, err);
    }
    wipe(config);
    wipe(notes);
    return ok;
}

bool connect_store_delete(struct connect_store *s, const char *name, struct error *err)
{
    struct state_query q;

    if (!state_query(s->state, &q, "DELETE FROM connector WHERE name = ?1", err))
        return false;
    state_bind_text(&q, 1, str_from(name));
    return state_finish(&q, err);
}
