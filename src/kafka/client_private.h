/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_CLIENT_PRIVATE_H
#define KAFKA_CLIENT_PRIVATE_H

/* Inside of the kafka room: librdkafka's configuration and errors as ours. */

#include "kafka/client.h"

#include <librdkafka/rdkafka.h>

/* brokers, client.id and the user's properties over `defaults`, and `fixed` over all of them. Both end with a NULL
 * name and may be NULL. Owned by the caller until it is given to kafka_handle_new. */
rd_kafka_conf_t *kafka_conf_make(const struct kafka_settings *settings,
                                 const struct kafka_property *defaults,
                                 const struct kafka_property *fixed, struct error *err) MUST_CHECK;
/* rd_kafka_new; takes the configuration in any case. */
rd_kafka_t *kafka_handle_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                             struct error *err) MUST_CHECK;

/* What to do about an error of librdkafka or of a broker: "cannot VERB OBJECT: reason". Returns false. */
bool kafka_fail(struct error *err, rd_kafka_resp_err_t code, const char *reason, const char *fmt,
                ...) __attribute__((format(printf, 4, 5)));
enum error_kind kafka_error_kind(rd_kafka_resp_err_t code);

/* What librdkafka complained about on a connection: the reason of an answer that does not come. A log-in that failed is
 * not forgotten for what follows from it, and "all brokers are down" says less than anything else. */
struct kafka_trouble {
    rd_kafka_resp_err_t code;
    char text[200];
};

/* Librdkafka's complaints go there, when the connection is polled; takes the connection's opaque. */
void kafka_trouble_watch(rd_kafka_conf_t *conf, struct kafka_trouble *t);
void kafka_trouble_note(struct kafka_trouble *t, rd_kafka_resp_err_t code, const char *text);
/* As kafka_fail with `code`, or with the trouble where there is one. */
bool kafka_trouble_fail(const struct kafka_trouble *t, struct error *err, rd_kafka_resp_err_t code,
                        const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
