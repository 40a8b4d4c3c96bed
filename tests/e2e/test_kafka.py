# SPDX-License-Identifier: Apache-2.0
"""The Kafka of the tests is a real one: what is written is read, also after kill -9 of the broker."""
import servers_kafka


def test_a_broker_gives_back_what_was_written(run):
    with servers_kafka.Kafka(run) as kafka:
        kafka.create("t", partitions=3)
        kafka.produce("t", (b"k", b"v", [("h", b"1"), ("h", None)], 2), (b"k", None, None, 2))
        first, second = kafka.consume("t", 2)
        assert (first.partition, first.offset, first.key, first.value) == (2, 0, b"k", b"v")
        assert first.headers == [("h", b"1"), ("h", None)]
        assert (second.offset, second.value) == (1, None)
        kafka.kill()
        kafka.start()
        assert kafka.consume("t") == [first, second]
        assert kafka.ends("t") == {0: 0, 1: 0, 2: 2}
        assert kafka.topics() == {"t": 3}
        kafka.delete("t")
        assert kafka.topics() == {}
