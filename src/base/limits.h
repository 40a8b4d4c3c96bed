/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/*
 * Every ceiling on something that a peer, a file or a user can make grow, with its reason. A size
 * that comes from outside is compared with one of these before it is used.
 */

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* PostgreSQL. One replication message holds one row; the server itself stops at 1 GiB a field and
 * about that much a message. A quarter of it is far above any row seen in practice and small enough
 * that one such row does not end the process. */
#define LIMIT_PG_MESSAGE   (256 * MIB)
#define LIMIT_PG_COLUMNS   1664u      /* MaxTupleAttributeNumber, PostgreSQL htup_details.h */
#define LIMIT_PG_NAME      1024u      /* NAMEDATALEN is 64; builds with more exist */
#define LIMIT_PG_DEFAULT   (64 * KIB) /* a default's expression; longer ones are not kept */
#define LIMIT_PG_LABELS    (64 * KIB) /* an enum's labels; likewise */
#define LIMIT_PG_CHUNK     100000u /* rows held of an incremental snapshot; their bytes end it sooner */
#define LIMIT_PG_RELATIONS 100000u /* cached relation versions before the cache is refused */

/* A signal's expressions for tables: a list of these is written by hand. Each may be tried on every table. */
#define LIMIT_PATTERN      1024u
#define LIMIT_SIGNAL_NAMES 1024u

/* Memory that one open transaction may take before its rows go to a spool file. */
#define LIMIT_TX_MEMORY (4 * MIB)

/* The embedded log. A batch is what a reader must hold to check its CRC, times the readers. */
#define LIMIT_LOG_BATCH   (256 * KIB)              /* a batch is closed at about this size */
#define LIMIT_LOG_RECORD  (LIMIT_PG_MESSAGE + MIB) /* one row and its framing */
#define LIMIT_LOG_SEGMENT (1 * GIB)                /* largest configurable segment */

/* A record in Debezium's format: a row whose every byte is escaped, before and after, and its schema. The
 * broker refuses what is above message.max.bytes, which is far below. */
#define LIMIT_DEBEZIUM_RECORD (4 * LIMIT_PG_MESSAGE)

/* A micro-batch given to a sink: bounded by rows and by bytes, whichever comes first. */
#define LIMIT_BATCH_ROWS  4096u
#define LIMIT_BATCH_BYTES (1 * MIB)

/* One arena: a batch's bytes, decoded and shaped; a single row may be LIMIT_PG_MESSAGE. */
#define LIMIT_ARENA (3 * (256 * MIB))

/* Configuration and small documents. An offset of Debezium has about twenty short members. */
#define LIMIT_HANDOVER     (64 * KIB)
#define LIMIT_CONFIG_FILE  (1 * MIB)
#define LIMIT_CONFIG_DEPTH 32u
#define LIMIT_SECRET       (64 * KIB)
#define LIMIT_JSON_DEPTH   512u
/* Values of one document that is read into tokens (20 bytes each): a record of 1 MiB, Kafka's own default
 * ceiling, cannot hold more than half of them. */
#define LIMIT_JSON_TOKENS ((size_t)1024 * 1024)
/* What a reader of Debezium's records keeps of schemas and shapes it has seen. A wide table's schema takes
 * 100 KiB; a table that changes its shape ten times a day fills this in a month. */
#define LIMIT_DEBEZIUM_SHAPES (32 * MIB)

/* HTTP, as a client: what is kept of an answer; the rest is read and dropped. As a server
 * (receive): one POST's body. */
#define LIMIT_HTTP_REPLY_KEPT (4 * KIB)
#define LIMIT_HTTP_REPLY_READ (16 * MIB)
#define LIMIT_HTTP_BODY       (64 * MIB)
/* An answer has about ten headers; a hundred times that is no honest server. Addresses above 8 KiB
 * are refused by common servers (nginx: large_client_header_buffers), so this is room enough. Names
 * of unchanged columns: all columns a table can have, each character as %XX. */
#define LIMIT_HTTP_REPLY_HEADERS (64 * KIB)
#define LIMIT_HTTP_URL           (64 * KIB)
#define LIMIT_HTTP_UNCHANGED     (200 * (size_t)LIMIT_PG_COLUMNS)
#define LIMIT_HTTP_REQUEST       (2 * LIMIT_PG_MESSAGE) /* one row as JSON, escapes included */

/* Redis: one reply; the script's arguments of one batch. */
#define LIMIT_REDIS_REPLY   (64 * MIB)
#define LIMIT_REDIS_DEPTH   7u
#define LIMIT_REDIS_REQUEST (LIMIT_PG_MESSAGE + 16 * MIB)

/* Cassandra: an envelope may be 256 MiB by the protocol; what we read (errors, system tables) is
 * small. What we send is bounded by the row. */
#define LIMIT_CQL_REPLY        (16 * MIB)
#define LIMIT_CQL_REQUEST      (LIMIT_PG_MESSAGE + MIB)
#define LIMIT_CQL_HOSTS        4096u
#define LIMIT_CQL_IN_FLIGHT    2048u
#define LIMIT_CQL_STATEMENT_ID 64u   /* MD5 today: 16 bytes */
#define LIMIT_CQL_TOKENS       4096u /* of one host; num_tokens was 256 for a decade */
/* A column's type as the schema writes it. Cassandra's own ceiling for a vector's dimension is 8192;
 * nobody nests sixteen collections or writes a tuple of a thousand. */
#define LIMIT_CQL_STATEMENT                                                                        \
    (8 * MIB) /* names of LIMIT_PG_COLUMNS columns, each quoted and doubled */
#define LIMIT_CQL_TYPE_TEXT  (64 * KIB)
#define LIMIT_CQL_TYPE_DEPTH 16u
#define LIMIT_CQL_TYPE_PARTS 1024u
#define LIMIT_CQL_DIMENSION  65536u
/* A numeric: 131072 digits before and 16383 behind the point (PostgreSQL, numeric types). More would be
 * somebody else's text, and the conversion takes the square of it. */
#define LIMIT_PG_NUMERIC_DIGITS 147455u

/* Parked records of one sink before the sink stops: a wave of them is a fault, not bad data. */
#define LIMIT_PARKED 10000u

/* Configuration, further: a tree node is about 150 bytes, so that the most values a file can hold stay
 * around 15 MiB; every sink is a thread; what ${...} takes in, all of it together; faults that are
 * shown, each at most a screen line or four; the memory that all of these, and the sinks' own parsed
 * forms, can sum up to. */
#define LIMIT_CONFIG_NODES   100000u
#define LIMIT_CONFIG_SINKS   256u
#define LIMIT_CONFIG_SECRETS (1 * MIB)
#define LIMIT_CONFIG_FAULTS  50u
#define LIMIT_CONFIG_REPORT  (1 * MIB)
#define LIMIT_CONFIG_ARENA   (256 * MIB)

/* Redis, further. Elements: what one reply may announce, far above the answers to our questions. A
 * command's argument count is one byte of the script's control string; commands of one event; how many
 * bytes one script call takes before the batch is split (a single larger change goes alone). */
#define LIMIT_REDIS_ELEMENTS  ((size_t)100000)
#define LIMIT_REDIS_ARGUMENTS 200u
#define LIMIT_REDIS_COMMANDS  64u
#define LIMIT_REDIS_CALL      (4 * MIB)
#define LIMIT_REDIS_REASON    400u /* bytes of an error that Redis gave, as it is kept */

/* Kafka. Properties: librdkafka 2.0 has about 180. */
#define LIMIT_KAFKA_PROPERTIES 1000u
#define LIMIT_KAFKA_COLLECTIONS                                                                    \
    4096u /* tables of one transaction whose counts are kept over a crash */
#define LIMIT_KAFKA_TOPIC (4 * KIB) /* a name has at most 249 characters; ours are cut there */

/* Text kept with a committed offset; brokers take 4096 bytes (offset.metadata.max.bytes). */
#define LIMIT_KAFKA_NOTE ((size_t)1024)

/* The connectors' REST API: a request's body (a connector's properties are a few KiB; Kafka Connect's own
 * records stop at 1 MiB), an answer (every connector with its properties), and how many there may be,
 * each source being a log and each sink a thread. */
#define LIMIT_CONNECT_BODY       (256 * KIB)
#define LIMIT_CONNECT_REPLY      (64 * MIB)
#define LIMIT_CONNECT_CONNECTORS 256u
#define LIMIT_CONNECT_NAME       255u

#endif
