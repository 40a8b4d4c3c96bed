/* SPDX-License-Identifier: Apache-2.0 */
/* What START_REPLICATION asks of pgoutput. A list of publications is itself a list of identifiers, so
 * the name is quoted twice: as an identifier, and all of it as a literal. */
#include "postgres/conn.h"
#include "postgres/pgoutput.h"

void pgoutput_options(struct buf *b, int server_version, const char *publication, bool messages)
{
    struct buf names;

    buf_init(&names, 2 * LIMIT_PG_NAME + 2);
    postgres_quote_ident(&names, str_from(publication));
    buf_text(b, "(proto_version '1', publication_names ");
    postgres_quote_literal(b, buf_view(&names));
    buf_text(b, messages ? ", messages 'true'" : ", messages 'false'");
    if (server_version >= 160000)
        /* Also rows that another replication wrote here: every committed change. The default, but a
         * default may change. */
        buf_text(b, ", origin 'any'");
    buf_text(b, ")");
    buf_done(&names);
}
