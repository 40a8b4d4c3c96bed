/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEBEZIUM_WRITE_MD5_H
#define DEBEZIUM_WRITE_MD5_H

/*
 * MD5 (RFC 1321) of a short text, for the UUID that Java makes of a name. It protects nothing. Pure.
 */

#include "base/str.h"

enum { DEBEZIUM_MD5_BYTES = 16 };

void debezium_md5(struct str text, unsigned char ret_sum[DEBEZIUM_MD5_BYTES]);

#endif
