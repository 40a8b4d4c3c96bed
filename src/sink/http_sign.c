/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard Webhooks 1.0.0: base64(HMAC-SHA256(secret, id "." timestamp "." body)), as "v1,...". While a
 * secret is being replaced there are two, and a receiver takes a request if one of its signatures fits.
 */
#include "sink/http.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

enum { SHA256_BYTES = 32, SHA256_BASE64 = 44 };

bool http_secret_parse(struct str text, struct http_secret *ret_secret)
{
    /* EVP_DecodeBlock writes whole groups, so room for one more than is allowed. */
    unsigned char key[HTTP_SECRET_MAX + 3];
    struct http_secret secret = { 0 };
    size_t padding = 0;
    int n;

    if (!str_starts(text, STR("whsec_")))
        return false;
    text = str_make(text.p + 6, text.n - 6);
    if (text.n == 0 || text.n % 4 != 0 || text.n / 4 * 3 > sizeof key)
        return false;
    while (padding < 2 && text.p[text.n - 1 - padding] == '=')
        padding++;
    n = EVP_DecodeBlock(key, (const unsigned char *)text.p, (int)text.n);
    if (n < 0 || (size_t)n < HTTP_SECRET_MIN + padding || (size_t)n - padding > HTTP_SECRET_MAX)
        return false;
    secret.n = (size_t)n - padding;
    memcpy(secret.key, key, secret.n);
    *ret_secret = secret;
    return true;
}

bool http_signer_init(struct http_signer *s, const struct http_secrets *secrets, struct error *err)
{
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                  OSSL_PARAM_END };
    EVP_MAC *mac;

    *s = (struct http_signer){ 0 };
    if (secrets->count == 0)
        return true;
    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    for (size_t i = 0; mac != NULL && i < secrets->count; i++) {
        EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(mac);

        if (ctx == NULL ||
            EVP_MAC_init(ctx, secrets->items[i].key, secrets->items[i].n, params) != 1) {
            EVP_MAC_CTX_free(ctx);
            break;
        }
        s->macs[s->count++] = ctx;
    }
    EVP_MAC_free(mac);
    if (s->count < secrets->count) {
        http_signer_done(s);
        return error_set(err, ERR_STOP, E_SYS_RESOURCE, "cannot sign requests: OpenSSL refuses");
    }
    return true;
}

void http_signer_done(struct http_signer *s)
{
    for (size_t i = 0; i < s->count; i++)
        EVP_MAC_CTX_free(s->macs[i]);
    s->count = 0;
}

static bool feed(EVP_MAC_CTX *mac, struct str s)
{
    return EVP_MAC_update(mac, (const unsigned char *)s.p, s.n) == 1;
}

bool http_sign(struct http_signer *s, struct str id, struct str timestamp, struct str body,
               struct buf *b, struct error *err)
{
    for (size_t i = 0; i < s->count; i++) {
        unsigned char hash[SHA256_BYTES];
        unsigned char text[SHA256_BASE64 + 1];
        size_t n = 0;

        /* Without a key: the one it has. */
        if (EVP_MAC_init(s->macs[i], NULL, 0, NULL) != 1 || !feed(s->macs[i], id) ||
            !feed(s->macs[i], STR(".")) || !feed(s->macs[i], timestamp) ||
            !feed(s->macs[i], STR(".")) || !feed(s->macs[i], body) ||
            EVP_MAC_final(s->macs[i], hash, &n, sizeof hash) != 1)
            return error_set(err, ERR_STOP, E_SYS_RESOURCE,
                             "cannot sign a request: OpenSSL refuses");
        (void)EVP_EncodeBlock(text, hash, SHA256_BYTES);
        buf_text(b, i > 0 ? " v1," : "v1,");
        buf_put(b, text, SHA256_BASE64);
    }
    return true;
}
