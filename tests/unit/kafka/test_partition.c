/* SPDX-License-Identifier: Apache-2.0 */
#include "kafka/partition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* From UtilsTest of the Java client. */
static void murmur2_is_that_of_the_java_client(void **state)
{
    static const struct {
        const char *key;
        int32_t hash;
    } vectors[] = {
        { "21", -973932308 },
        { "foobar", -790332482 },
        { "a-little-bit-long-string", -985981536 },
        { "a-little-bit-longer-string", -1486304829 },
        { "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 },
        { "abc", 479470107 },
        { "", 275646681 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_int_equal((int32_t)kafka_murmur2(str_from(vectors[i].key)), vectors[i].hash);
}

/* Utils.toPositive: the sign is cut off, not turned. */
static void a_partition_is_never_negative(void **state)
{
    (void)state;
    assert_int_equal(kafka_partition(STR("21"), 6), (-973932308 & 0x7fffffff) % 6);
    assert_int_equal(kafka_partition(STR("abc"), 6), 479470107 % 6);
    assert_int_equal(kafka_partition(STR("abc"), 1), 0);
}

static void every_byte_counts_as_unsigned(void **state)
{
    (void)state;
    assert_int_not_equal(kafka_murmur2(str_make("\xff\xfe\x80", 3)),
                         kafka_murmur2(str_make("\x7f\x7e\x00", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(murmur2_is_that_of_the_java_client),
        cmocka_unit_test(a_partition_is_never_negative),
        cmocka_unit_test(every_byte_counts_as_unsigned),
    };

    return cmocka_run_group_tests_name("kafka_partition", tests, NULL, NULL);
}
