/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITE_UNAVAILABLE_H
#define DEBEZIUM_WRITE_UNAVAILABLE_H

/*
 * What stands in a record for an unchanged TOAST value: unavailable.value.placeholder in the form that the
 * column's type can take. Pure.
 */

#include "debezium/write_type.h"

/* As JSON; `element` is the type of an array's elements. "null" where no form of it fits the type. */
struct str debezium_unavailable(const struct debezium_format *f, const struct debezium_type *type,
                                uint32_t element, struct arena *a);

#endif
