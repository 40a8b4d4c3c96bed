/* SPDX-License-Identifier: Apache-2.0 */
#include "sink/http.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct http_secrets secrets;
static struct error err;

static const char *sign(const char *id, const char *time, const char *body)
{
    static char text[512];
    struct http_signer signer;
    struct buf b;

    buf_init(&b, 512);
    assert_true(http_signer_init(&signer, &secrets, &err));
    /* Twice: the second time the key is the one it has. */
    assert_true(http_sign(&signer, STR("other"), STR("1"), STR("x"), &b, &err));
    buf_clear(&b);
    assert_true(http_sign(&signer, str_from(id), str_from(time), str_from(body), &b, &err));
    assert_true(str_copy(buf_view(&b), text, sizeof text));
    http_signer_done(&signer);
    buf_done(&b);
    return text;
}

/* The example that the Standard Webhooks libraries share in their tests. */
static void signatures_are_those_of_the_standard(void **state)
{
    (void)state;
    secrets.count = 1;
    assert_true(
        http_secret_parse(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &secrets.items[0]));
    assert_int_equal(secrets.items[0].n, 24);
    assert_string_equal(
        sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}"),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void while_a_secret_is_replaced_both_sign(void **state)
{
    (void)state;
    secrets.count = 2;
    secrets.items[1] = secrets.items[0];
    assert_string_equal(
        sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}"),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        " v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static bool accepts(const char *text)
{
    struct http_secret secret;

    return http_secret_parse(str_from(text), &secret);
}

static void a_secret_is_base64_of_24_to_64_bytes(void **state)
{
    char text[96];

    (void)state;
    assert_true(accepts("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"));
    assert_true(accepts("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNA=="));
    assert_false(accepts("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="));
    memcpy(text, "whsec_", 6);
    memset(text + 6, 'A', 86);
    memcpy(text + 92, "==", 3);
    assert_true(accepts(text)); /* 64 bytes */
    memcpy(text + 92, "A=", 3);
    assert_false(accepts(text)); /* 65 */
    assert_false(accepts("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"));
    assert_false(accepts("whsec_"));
    assert_false(accepts("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI"));
    assert_false(accepts("whsec_****************************MTIz"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_those_of_the_standard),
        cmocka_unit_test(while_a_secret_is_replaced_both_sign),
        cmocka_unit_test(a_secret_is_base64_of_24_to_64_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
