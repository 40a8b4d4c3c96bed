/* SPDX-License-Identifier: Apache-2.0 */
#include "cql/address.h"

/* Where the name ends and what is behind it, or false. */
static bool split(struct str text, struct str *ret_name, struct str *ret_port)
{
    size_t colon = str_find(text, ':');
    struct str rest;

    if (text.n > 0 && text.p[0] == '[') {
        size_t end = str_find(text, ']');

        if (end == text.n)
            return false;
        *ret_name = str_make(text.p + 1, end - 1);
        rest = str_make(text.p + end + 1, text.n - end - 1);
        *ret_port = STR_NONE;
        if (rest.n == 0)
            return true;
        *ret_port = str_make(rest.p + 1, rest.n - 1);
        return rest.p[0] == ':';
    }
    rest = colon < text.n ? str_make(text.p + colon + 1, text.n - colon - 1) : STR_NONE;
    if (str_find(rest, ':') < rest.n) { /* a bare IPv6 address */
        *ret_name = text;
        *ret_port = STR_NONE;
        return true;
    }
    *ret_name = str_make(text.p, colon);
    *ret_port = rest;
    return true;
}

bool cql_address_parse(const char *text, char ret_name[CQL_META_ADDRESS], uint16_t *ret_port,
                       struct error *err)
{
    struct str name;
    struct str port;
    uint16_t number = *ret_port;

    if (!split(str_trim(str_from(text)), &name, &port) || name.n == 0 || name.n >= CQL_META_ADDRESS)
        return error_set(
            err, ERR_STOP, E_CQL_ADDRESS,
            "cannot read contact point \"%.100s\": it is not \"name\" or \"name:port\"", text);
    if (port.p != NULL && !str_to_port(port, &number))
        return error_set(err, ERR_STOP, E_CQL_ADDRESS,
                         "cannot read contact point \"%.100s\": the port is not 1 to 65535", text);
    (void)str_copy(name, ret_name, CQL_META_ADDRESS);
    *ret_port = number;
    return true;
}
