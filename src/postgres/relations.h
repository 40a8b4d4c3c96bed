/* SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_RELATIONS_H
#define POSTGRES_RELATIONS_H

/*
 * The cache that turns pgoutput's Relation messages into immutable, numbered struct relation.
 *
 * A message gives names, type OIDs, typmods and the identity; type names, element types, type kinds,
 * primary key, NOT NULL, defaults and enum labels come from the catalog, asked on an ordinary connection
 * with every message. PostgreSQL sends one before a table's first row on a connection and after each
 * change of the table's definition, but none for a change of a type alone (ALTER TYPE ... ADD VALUE):
 * the new labels come with the next message, on the next connection at the latest.
 * The catalog is of now, the message of when the row was written: a column is enriched only where
 * both agree in name and type. Where they do not, or the catalog cannot be asked, the message
 * stands, with built-in type names or those of Type messages; a table is never dropped for that.
 * An unchanged shape keeps its version number, over reconnects too.
 *
 * Every relation handed out lives until postgres_relations_free. One thread.
 */

#include "model/relation.h"
#include "postgres/conn.h"
#include "postgres/pgoutput.h"

struct postgres_relations;

/* The first new shape gets the version `first_version` (>= 1). */
struct postgres_relations *postgres_relations_new(uint32_t first_version);
void postgres_relations_free(struct postgres_relations *rs);

/* A Relation message (kind 'R'). `sql` is asked; NULL: nobody is. *ret_new: a new
 * version was made. Fails with ERR_RETRY when the connection broke while asking (call again after a
 * reconnect), ERR_STOP E_PG_RELATIONS above LIMIT_PG_RELATIONS versions. */
bool postgres_relations_put(struct postgres_relations *rs, struct postgres_conn *sql,
                            const struct pgoutput_relation *msg, const struct relation **ret_rel,
                            bool *ret_new, struct error *err) MUST_CHECK;
/* A Type message ('Y'): remembers the name of a type that is not built in. */
void postgres_relations_type(struct postgres_relations *rs, const struct pgoutput_type *msg);
/* A shape from elsewhere: the snapshot (rel->version 0: gets the next number), or the stream of an
 * earlier run (version kept; later ones count on from it). Becomes the newest of its table; equal to
 * the newest: that one is returned. The parts are copied. ERR_STOP as above. */
bool postgres_relations_adopt(struct postgres_relations *rs, const struct relation *rel,
                              const struct relation **ret_rel, struct error *err) MUST_CHECK;
/* A number for a shape that is read now: the newest version where that is the same, else one of its own,
 * which does not become the newest: the stream may still be at an older one. ERR_STOP as above. */
bool postgres_relations_aside(struct postgres_relations *rs, const struct relation *rel,
                              const struct relation **ret_rel, struct error *err) MUST_CHECK;
/* The newest version of a table, or NULL. */
const struct relation *postgres_relations_get(const struct postgres_relations *rs, uint32_t oid);
/* As _get, but only when a Relation message named the table since postgres_relations_begin: a server
 * must send one before the first row of each connection. */
const struct relation *postgres_relations_current(const struct postgres_relations *rs,
                                                  uint32_t oid);
/* A new replication connection starts: _current knows nothing until messages come. */
void postgres_relations_begin(struct postgres_relations *rs);

#endif
