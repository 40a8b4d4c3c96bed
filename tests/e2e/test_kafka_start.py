# SPDX-License-Identifier: Apache-2.0
"""How a pipeline over Kafka begins: its topics are there before the first row, and what is wrong with a target is told."""
import checker
import seed
from servers import Redis, wait_until

TOPIC = "engagement.public.engagement_events"


def test_in_one_process_nobody_complains_and_the_topic_is_there_before_the_first_row(pg, kafka, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis), kafka=kafka, partitions=3))
    multisink.wait_sink("top_content", lambda sink: len(sink.get("partitions", [])) == 3, 30, "three partitions")
    assert kafka.topics()[TOPIC] == 3 and kafka.ends(TOPIC) == {0: 0, 1: 0, 2: 0}
    seed.Writer(pg).write(50)
    wait_until(lambda: checker.check_redis(pg, redis) == [], 30, "the rows arrive")
    assert not [line for line in multisink.log_text().splitlines() if " WARN" in line or " ERROR" in line]


def test_topics_that_somebody_else_has_to_make_are_asked_for(pg, kafka, redis, start):
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis), kafka=kafka, create_topics="never"), wait=False)
    told = multisink.wait_sink("top_content", lambda sink: sink.get("last_error"), 30, "the sink says what is missing")
    assert told["last_error"]["code"] == "E1053" and TOPIC in told["last_error"]["message"]
    wait_until(lambda: "cannot write to topic __multisink.cdc_slot" in multisink.log_text(), 30, "so does capture")
    assert "E1009" in multisink.log_text() and "cleanup.policy=compact" in multisink.log_text()
    kafka.create("__multisink.cdc_slot", cleanup_policy="compact")
    seed.Writer(pg).write(50)
    wait_until(lambda: f"cannot write to topic {TOPIC}" in multisink.log_text(), 30, "and the publisher")
    kafka.create(TOPIC, partitions=2)
    wait_until(lambda: checker.check_redis(pg, redis) == [], 60, "the rows arrive")


def test_a_target_that_is_down_is_told_without_a_topic(run, kafka, start):
    with Redis(run) as redis:
        redis.kill()
        config = {"version": 1, "name": "engagement", "role": "deliver",
                  "stream": {"kafka": {"brokers": [kafka.brokers], "topic_prefix": "engagement"}},
                  "sinks": [seed.redis_sink(redis)]}
        multisink = start(config, wait=False)
        wait_until(lambda: str(redis.port) in multisink.log_text() and "E0702" in multisink.log_text(), 30, "it is told")
        assert TOPIC not in kafka.topics()
