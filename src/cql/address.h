/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CQL_ADDRESS_H
#define CQL_ADDRESS_H

/* Contact points: "name", "name:port", "192.0.2.1:9042", "[2001:db8::1]", "[2001:db8::1]:9042", "::1". Pure. */

#include "base/error.h"
#include "cql/meta.h"

/* *ret_port is left alone when the text names none. ERR_STOP, E_CQL_ADDRESS. */
bool cql_address_parse(const char *text, char ret_name[CQL_META_ADDRESS], uint16_t *ret_port,
                       struct error *err) MUST_CHECK;

#endif
