/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/kafka_values.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>

/* What a batch of common rows with schemas takes. */
#define KEPT ((size_t)32 * MIB)

void sink_kafka_values_init(struct sink_kafka_values *v)
{
    *v = (struct sink_kafka_values){ .used = 0 };
}

void sink_kafka_values_done(struct sink_kafka_values *v)
{
    for (size_t i = 0; i < v->count; i++)
        debezium_value_done(&v->items[i]);
    free(v->items);
    sink_kafka_values_init(v);
}

static void add_items(struct sink_kafka_values *v)
{
    size_t count = v->count > 0 ? 2 * v->count : 64;

    v->items = mem_resize(v->items, count, sizeof *v->items);
    for (size_t i = v->count; i < count; i++)
        debezium_value_init(&v->items[i]);
    v->count = count;
}

void sink_kafka_values_lent(struct sink_kafka_values *v, struct debezium_writer *w)
{
    struct debezium_value *item;

    if (v->used == v->count)
        add_items(v);
    item = &v->items[v->used++];
    debezium_writer_take(w, item);
    v->held += item->bytes.cap;
}

void sink_kafka_values_back(struct sink_kafka_values *v)
{
    if (v->held > KEPT)
        sink_kafka_values_done(v);
    v->used = 0;
    v->held = 0;
}
