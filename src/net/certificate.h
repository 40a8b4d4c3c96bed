/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_CERTIFICATE_H
#define NET_CERTIFICATE_H

/* Why a peer's certificate is not accepted, in words; of no use outside this folder. Any thread. */

#include <openssl/x509_vfy.h>
#include <stddef.h>

/* Half a sentence about the certificate that the verification stands at, without control characters; cut
 * where it does not fit. size > 0. */
void certificate_refusal(X509_STORE_CTX *store, char *text, size_t size);

#endif
