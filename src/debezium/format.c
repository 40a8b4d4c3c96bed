/* SPDX-License-Identifier: Apache-2.0 */
#include "debezium/format.h"

void debezium_format_init(struct debezium_format *f, enum debezium_compat compat,
                          const char *prefix, const char *database)
{
    *f = (struct debezium_format){
        .compat = (int)compat,
        .prefix = prefix,
        .database = database,
        .key_schemas = true,
        .value_schemas = true,
        .decimal = DEBEZIUM_DECIMAL_PRECISE,
        .time = DEBEZIUM_TIME_ADAPTIVE,
        .binary = DEBEZIUM_BINARY_BYTES,
        .hstore = DEBEZIUM_HSTORE_JSON,
        .interval = DEBEZIUM_INTERVAL_NUMERIC,
        .overflow = DEBEZIUM_OVERFLOW_REJECT,
        .money_digits = 2,
        .placeholder = "__debezium_unavailable_value",
        .tombstones = true,
        .heartbeat_prefix = "__debezium-heartbeat",
        .unwrap = { .deletes = compat == DEBEZIUM_2_5 ? DEBEZIUM_DELETES_DROP_ALL
                                                      : DEBEZIUM_DELETES_NONE_ONLY,
                    .fields_prefix = "__",
                    .headers_prefix = "__" },
    };
}
