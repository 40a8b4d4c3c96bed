/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens as Cassandra's Python driver computes them (cassandra.cmurmur3). */
#include "cql/murmur3.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static int64_t token_of_hex(const char *hex)
{
    char key[128];
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++)
        key[i] = (char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    return cql_murmur3_token(str_make(key, n));
}

static void known_texts_have_their_tokens(void **state)
{
    (void)state;
    assert_int_equal(cql_murmur3_token(STR("test")), INT64_C(-6017608668500074083));
    assert_int_equal(cql_murmur3_token(STR("xd")), INT64_C(4507812186440344727));
    assert_int_equal(cql_murmur3_token(STR("primary_key")), INT64_C(-1632642444691073360));
}

/* Plain MurmurHash3 gives 5170069825885792609. */
static void tail_bytes_are_sign_extended(void **state)
{
    (void)state;
    assert_int_equal(cql_murmur3_token(STR("krem\xc3\xb3wki")), INT64_C(4354931215268080151));
    assert_int_equal(token_of_hex("00104327529fb645dd00b883ec39ae448bb800000400066a6b00"),
                     INT64_C(-9223371632693506265));
}

static void an_empty_key_has_the_minimum_token(void **state)
{
    (void)state;
    assert_int_equal(cql_murmur3_token(STR("")), INT64_MIN);
}

static void every_length_of_block_and_tail_agrees(void **state)
{
    static const struct {
        const char *hex;
        int64_t token;
    } vectors[] = {
        { "a5", INT64_C(9102176746827431674) },
        { "4dca", INT64_C(7937931544219438322) },
        { "182530", INT64_C(6068479167813565288) },
        { "bb1d6d13", INT64_C(-4469617531165980528) },
        { "2cded6237b", INT64_C(-5181672435055343724) },
        { "2ed91e3f721f", INT64_C(4534573008782432204) },
        { "cb1971174494d6", INT64_C(-6108198017939165541) },
        { "493c9d5c3460be31", INT64_C(369911734640614424) },
        { "201e69fedaa0eee8b9", INT64_C(-2074272014092295086) },
        { "997f5c7c2999fdafe593", INT64_C(-32003801386848725) },
        { "253cd654af4dfad71427a0", INT64_C(-710262683116833875) },
        { "aeb3fee9232f8af2211f9ee4", INT64_C(-7166419386614295414) },
        { "91c5b10becb5563bfc1e6f9342", INT64_C(2344439780066371560) },
        { "7ecbc8fe2955e5cd8e46dc8ed4b7", INT64_C(-3889258449416575448) },
        { "c2764d2a5a4d767706f85d8690024a", INT64_C(6346434833608210718) },
        { "d6bda3401be9c8cbccc935f6cd1f6122", INT64_C(2496137534570887662) },
        { "6ae15338ae1a34004d33ba0d246ac04c81", INT64_C(-5163860770097987848) },
        { "b1baf23e3bf9eef5f79f2b4934af87f5520b", INT64_C(-1739369041822248009) },
        { "69b94b0d982e85bb55b672a872637acd7466fc", INT64_C(-3944668422202499633) },
        { "b60e0e8ff18463b0e4b2ba29703474f064ac68f7", INT64_C(-7786467646688507977) },
        { "00f5b02b3dc666f45bdeaa2ccaedcd2b5157410e4d", INT64_C(1951256186105160739) },
        { "ee4af2b34f430a073447de636c0e806c957ba684d643", INT64_C(3507963295454856628) },
        { "1fb5ead7424d09e15d024c5848f23d1fa6f7361d7f618d", INT64_C(-8588892845546608172) },
        { "1532e70e20e2a6668de7f47e8467e546d53ec8e2a1257bdb", INT64_C(6707213903693155933) },
        { "256c9b3e4fbb498146ef7030cbf9537252dcceadd764b6a32f", INT64_C(-8424332517172412811) },
        { "bb09adeae109c4a997203975352b878b145c8a42d884cf4cfda7", INT64_C(709345390310507954) },
        { "2d8e1d5dd92589082d852a7122873ee805add58942167a38528619", INT64_C(1395167599800584676) },
        { "5c679f9c6994e45b8ab1098012070961f37de436ddfdc99d6e75af65",
          INT64_C(-5042908090517330491) },
        { "47cfb11b42072482dc531c2bc3907c9617eb5e5089e40186baa8a57d11",
          INT64_C(939714455876839797) },
        { "9e6fb65d00abc32af38e667f022e872d49cc15c90b999b772b4fc7a6fd4c",
          INT64_C(5489273470328774013) },
        { "914a16db4708752b0f1544b835c0e719097dfa8701e9232f21f28126877869",
          INT64_C(-1599464230021034359) },
        { "76ebfcc327f5931765274ba9829b4406f61ff889326ffa9492edeeee3c669f2b",
          INT64_C(3298334995322450226) },
        { "f20894ea27e689c66b6b262e4886b8438f39ba76fef8c90c5101fbe6cf9a48d5b0",
          INT64_C(61584507335068422) },
        { "c0a13da900a6adcb3d64069481be21c9c727b8db8c188f341a924c7f88dfa161bfdb0ecc682919d2e64692f8194157",
          INT64_C(-4916301676579777274) },
        { "f1d4af90988285cf7a9af7c93d5552266afe70e7aae6da47627c2e59af2ea37abc84670ad3c4d36bc08aad1fff8eb840",
          INT64_C(5829305835169222352) },
        { "6e2f8a7fc4cce4dd9f0b4110d9f2fa0025c8efe57f37724f4d37ea2b14004077139b4180df3932249962c6857200059aeb8ea17cf3787e0ed29d1c0b63ffd729",
          INT64_C(-1084866928802967997) },
        { "8374d9bd74fc11add7b9ca6503952269fd669f6376ee71879737fd5f72f8d51c4ac91b6d0c48d41a1e5ec9e6a0392854a8615eef109fc1bfa9e2563701288f29b3d73f6ac2b69edd2c19f264bee462a5baf20fd27ecf14c011ed201f836320adb98bab16",
          INT64_C(-2130976484897528510) },
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_int_equal(token_of_hex(vectors[i].hex), vectors[i].token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_their_tokens),
        cmocka_unit_test(tail_bytes_are_sign_extended),
        cmocka_unit_test(an_empty_key_has_the_minimum_token),
        cmocka_unit_test(every_length_of_block_and_tail_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
