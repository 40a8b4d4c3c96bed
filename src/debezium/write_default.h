/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITE_DEFAULT_H
#define DEBEZIUM_WRITE_DEFAULT_H

/*
 * A column's default as the schema shows it. Pure.
 */

#include "debezium/write_type.h"

/* As JSON in the column's type, or STR_NONE where Debezium shows none. */
struct str debezium_default(const struct debezium_format *f, const struct column *column,
                            const struct debezium_type *type, struct arena *a);

#endif
