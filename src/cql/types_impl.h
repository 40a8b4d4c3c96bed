/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_TYPES_IMPL_H
#define CQL_TYPES_IMPL_H

/* What the files of types.h share among themselves. Pure; any thread. */

#include "cql/types.h"

/* ---- trees ---- */

/* Static types; NULL when there is none. */
const struct cql_type *cql_types_scalar(unsigned id);
const struct cql_type *cql_types_scalar_named(struct str text);
/* By class name without its package. */
const struct cql_type *cql_types_scalar_class(struct str name);
/* The collection that CQL calls so, with the number of its parts (0: any); CQL_CUSTOM for none. */
enum cql_type_id cql_types_collection(struct str name, uint32_t *ret_of_count);
struct cql_type *cql_types_new(struct arena *a, enum cql_type_id id);
/* A custom class of the protocol: a built-in type where it names one, else CQL_CUSTOM. Never NULL. */
const struct cql_type *cql_types_from_class(struct str text, struct arena *a, unsigned depth);

#endif
