# SPDX-License-Identifier: Apache-2.0
"""Brokers that ask who comes: SASL over TLS, certificates, rights. What is refused is named, and nothing is lost."""
import json

import pytest

import checker
import pki
import seed
import servers
import servers_kafka
from servers import free_port, wait_until

PASSWORD = "pass phrase-4711"
PREFIX = "secure"
TOPIC = f"{PREFIX}.{seed.TABLE}"


class SecureKafka(servers_kafka.Kafka):
    """Beside the tests' own listener, whose user may do everything, one with SASL and TLS, where ACLs rule."""

    def __init__(self, run, authority):
        self.secure_port = free_port()
        pair = authority.pair("broker")
        login = 'org.apache.kafka.common.security.{} required{};'
        users = f' user_plain="{PASSWORD}"'
        super().__init__(
            run, inter_broker_listener_name="PLAINTEXT", listener_name_secure_ssl_keystore_type="PKCS12",
            listener_name_secure_ssl_keystore_location=authority.keystore(pair, PASSWORD),
            listener_name_secure_ssl_keystore_password=PASSWORD,
            listener_name_secure_sasl_enabled_mechanisms="PLAIN,SCRAM-SHA-512",
            listener_name_secure_plain_sasl_jaas_config=login.format("plain.PlainLoginModule", users),
            authorizer_class_name="org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            super_users="User:ANONYMOUS")
        self.properties["listener.name.secure.scram-sha-512.sasl.jaas.config"] = \
            login.format("scram.ScramLoginModule", "")
        self.properties["listener.security.protocol.map"] = \
            "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL"

    def prepare(self):
        outside = f"PLAINTEXT://127.0.0.1:{self.port},SECURE://127.0.0.1:{self.secure_port}"
        self.properties["listeners"] = f"{outside},CONTROLLER://127.0.0.1:{self.controller_port}"
        self.properties["advertised.listeners"] = outside
        super().prepare()

    def add_scram(self, user):
        from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion
        admin = self.admin()
        for future in admin.alter_user_scram_credentials([UserScramCredentialUpsertion(
                user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), PASSWORD.encode())]).values():
            future.result(30)

    def allow(self, user, *operations, kind="TOPIC", name=PREFIX):
        from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType, ResourcePatternType,
                                           ResourceType)
        admin = self.admin()
        acls = [AclBinding(ResourceType[kind], name, ResourcePatternType.PREFIXED, f"User:{user}", "*",
                           AclOperation[operation], AclPermissionType.ALLOW) for operation in operations]
        for future in admin.create_acls(acls).values():
            future.result(30)

    def allow_all(self, user):
        """What docs/errors.md says under E1004 that capture and deliver need."""
        self.allow(user, "DESCRIBE", "READ", "WRITE", "CREATE")
        self.allow(user, "DESCRIBE", "READ", "WRITE", "CREATE", name="__multisink.")
        self.allow(user, "READ", kind="GROUP", name="multisink-")


@pytest.fixture
def authority(run):
    return pki.Authority(run.dir)


@pytest.fixture
def secure(run, authority):
    with SecureKafka(run, authority) as server:
        yield server


def pipeline(pg, kafka, authority, *sinks, user="plain", mechanism="PLAIN", **more):
    properties = {"security.protocol": "SASL_SSL", "sasl.mechanism": mechanism, "sasl.username": user,
                  "sasl.password": "${env:KAFKA_PASSWORD}", "ssl.ca.location": str(authority.ca), **more}
    config = seed.pipeline(pg, *sinks, kafka=kafka, topic_prefix=PREFIX, properties=properties)
    config["stream"]["kafka"]["brokers"] = [f"127.0.0.1:{kafka.secure_port}"]
    return config


def wait_exact(pg, redis):
    faults = checker.settle(lambda: checker.check_redis(pg, redis), 60)
    assert not faults, faults


def wait_refused(multisink, code, words):
    def refused():
        error = (multisink.status() or {"stream": {}})["stream"].get("last_error")
        return error and error["code"] == code and words in error["message"]
    wait_until(refused, 30, f"{code} with \"{words}\"; status: {multisink.status()}")
    assert PASSWORD not in multisink.log_text()


@pytest.mark.parametrize("mechanism,user", [("PLAIN", "plain"), ("SCRAM-SHA-512", "scram")])
def test_both_sides_log_in_over_tls(secure, authority, pg, redis, start, mechanism, user):
    secure.add_scram("scram")
    secure.allow_all(user)
    multisink = start(pipeline(pg, secure, authority, seed.redis_sink(redis), user=user, mechanism=mechanism),
                      environment={"KAFKA_PASSWORD": PASSWORD})
    seed.Writer(pg).write(500)
    wait_exact(pg, redis)
    assert PASSWORD not in multisink.log_text()
    assert PASSWORD not in multisink.cli("config", multisink.config_path).stdout


def test_a_wrong_password_is_named_and_what_was_written_meanwhile_comes(secure, authority, pg, redis, start):
    secure.allow_all("plain")
    config = pipeline(pg, secure, authority, seed.redis_sink(redis))
    multisink = start(config, wait=False, environment={"KAFKA_PASSWORD": "wrong"})
    seed.Writer(pg).write(100)
    assert multisink.wait_exit(60) != 0
    assert "E1003" in multisink.log_text()
    start(config, environment={"KAFKA_PASSWORD": PASSWORD})
    wait_exact(pg, redis)


def test_a_broker_with_a_certificate_of_another_is_not_talked_to(run, secure, authority, pg, redis, start):
    other = run.dir / "other"
    other.mkdir()
    config = pipeline(pg, secure, pki.Authority(other), seed.redis_sink(redis))
    multisink = start(config, wait=False, environment={"KAFKA_PASSWORD": PASSWORD})
    assert multisink.wait_exit(60) != 0
    assert "E1003" in multisink.log_text() and "certificate" in multisink.log_text()


def test_a_missing_right_is_named_and_given_later_nothing_is_lost(secure, authority, pg, redis, start):
    secure.allow("plain", "DESCRIBE", "READ", "WRITE", "CREATE", name="__multisink.")
    secure.allow("plain", "DESCRIBE", "READ")
    secure.allow("plain", "READ", kind="GROUP", name="multisink-")
    secure.create(TOPIC)
    config = pipeline(pg, secure, authority, seed.redis_sink(redis))
    multisink = start(config, environment={"KAFKA_PASSWORD": PASSWORD})
    seed.Writer(pg).write(100)
    wait_refused(multisink, "E1004", TOPIC)
    secure.allow("plain", "WRITE", "CREATE")
    multisink.stop()
    multisink.start()
    wait_exact(pg, redis)


def test_check_names_the_rights_that_are_missing_and_what_grants_them(secure, authority, pg, redis):
    config = pipeline(pg, secure, authority, seed.redis_sink(redis))
    multisink = servers.Multisink(redis.run, config, environment={"KAFKA_PASSWORD": PASSWORD})

    def refused():
        rows = json.loads(multisink.cli("check", "--json", multisink.config_path).stdout)["rows"]
        return [(row["code"], row["fix"].removesuffix(".")) for row in rows if row["verdict"] == "FAIL"]
    secure.allow("plain", "DESCRIBE", "READ")
    add = f"kafka-acls.sh --bootstrap-server 127.0.0.1:{secure.secure_port} --add --allow-principal User:plain"
    topic = " ".join(f"--operation {o}" for o in ("Create", "Describe", "Read", "Write"))
    assert refused() == [("E1004", f"{add} {topic} --topic {TOPIC}"),
                         ("E1004", f"{add} --operation Read --group multisink-engagement-top_content")]
    assert TOPIC not in secure.topics()
    secure.allow_all("plain")
    assert refused() == []
    assert TOPIC not in secure.topics()


def test_check_tells_a_topic_that_is_hidden_from_one_that_is_missing(secure, authority, pg, redis):
    secure.create(TOPIC)
    secure.allow("plain", "CREATE")
    secure.allow("plain", "READ", kind="GROUP", name="multisink-")
    multisink = servers.Multisink(redis.run, pipeline(pg, secure, authority, seed.redis_sink(redis)),
                                  environment={"KAFKA_PASSWORD": PASSWORD})
    out = multisink.cli("check", multisink.config_path).stdout
    assert "E1004" in out and f"cannot see topic {TOPIC}" in " ".join(out.split())
