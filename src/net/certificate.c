/* SPDX-License-Identifier: Apache-2.0 */
#include "net/certificate.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

static void asn1_time(const ASN1_TIME *t, char *text, size_t size)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(text, size, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        (void)snprintf(text, size, "an unreadable date");
}

/* The names a certificate is made for: "DNS:a, DNS:b, IP Address:..."; cut at the buffer's end. */
static void certificate_names(X509 *cert, char *text, size_t size)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    BIO *out = BIO_new(BIO_s_mem());
    int n = 0;

    for (int i = 0; out != NULL && names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        if (i > 0)
            (void)BIO_puts(out, ", ");
        (void)GENERAL_NAME_print(out, sk_GENERAL_NAME_value(names, i));
    }
    if (out != NULL)
        n = BIO_read(out, text, (int)size - 1);
    text[n > 0 ? n : 0] = '\0';
    for (char *p = text; *p != '\0'; p++) { /* names come from the peer */
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    }
    BIO_free(out);
    GENERAL_NAMES_free(names);
}

void certificate_refusal(X509_STORE_CTX *store, char *text, size_t size)
{
    int code = X509_STORE_CTX_get_error(store);
    X509 *cert = X509_STORE_CTX_get_current_cert(store);
    char detail[100];

    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        asn1_time(X509_get0_notAfter(cert), detail, sizeof detail);
        (void)snprintf(text, size, "it expired at %s", detail);
        return;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        asn1_time(X509_get0_notBefore(cert), detail, sizeof detail);
        (void)snprintf(text, size, "it is not valid before %s", detail);
        return;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        certificate_names(cert, detail, sizeof detail);
        (void)snprintf(text, size, "it is made for another name (%s)",
                       detail[0] != '\0' ? detail : "it has none");
        return;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        (void)snprintf(text, size, "it is signed by itself, by no authority that is trusted here");
        return;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        (void)snprintf(text, size, "it is signed by an authority that is not trusted here");
        return;
    case X509_V_ERR_CERT_REVOKED:
        (void)snprintf(text, size, "it was revoked");
        return;
    default:
        (void)snprintf(text, size, "%s", X509_verify_cert_error_string(code));
        return;
    }
}
