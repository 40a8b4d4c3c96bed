# SPDX-License-Identifier: Apache-2.0
"""Encryption, certificates and passwords towards every peer, against real servers: what is right is used, what is wrong
is refused with a code, nothing falls back to less, and no secret is ever printed."""
import base64
import hashlib
import hmac
import json
import os
import pwd
import shutil
import ssl
import time

import pytest

import checker
import seed
from endpoint import Endpoint
from pki import Authority
from servers import Cassandra, Multisink, Postgres, Redis, free_port, wait_until

WORD = "kanari-4711-%7B-geheim"  # the right password everywhere; it must be found in no output
WRONG = "falsch-0815-kanari"


@pytest.fixture(scope="module")
def pki(session_run):
    return Authority(session_run.subdir("pki"))


@pytest.fixture(scope="module")
def stranger(session_run):
    """An authority that nobody was told to trust."""
    return Authority(session_run.subdir("stranger"), "stranger")


def check_rows(multisink, path=None):
    """`multisink check`: its exit code, its rows, and all that it printed."""
    path = path or multisink.config_path
    text = multisink.cli("check", path)
    rows = json.loads(multisink.cli("check", "--json", path).stdout)
    return text.returncode, rows, text.stdout + text.stderr


def assert_silent(multisink, *secrets):
    """No secret in the log, the status or the check."""
    said = multisink.log_text()
    for words in (["status"], ["status", "--json"], ["check"], ["check", "--json"], ["lint"]):
        result = multisink.cli(*words, multisink.config_path)
        said += result.stdout + result.stderr
    for secret in secrets:
        assert secret not in said


def fails_with(start, config, code, sink=None, **kwargs):
    """Runs it: the process (or that sink) stops with this code, `check` says FAIL with it and a fix. Gives the log."""
    multisink = start(config, wait=False, **kwargs)
    if sink is None:
        assert multisink.wait_exit(20) != 0
    else:
        multisink.wait_sink(sink, lambda s: (s.get("last_error") or {}).get("code") == code, 20, f"{sink}: {code}")
    text = multisink.log_text()
    status, _, checked = check_rows(multisink)
    assert status != 0 and "FAIL" in checked and code in checked, checked
    assert code in text, text
    assert_silent(multisink, WORD, WRONG)
    return text + checked


# ---- PostgreSQL --------------------------------------------------------------------------------------------------


class SecurePostgres(Postgres):
    """Takes its user `carrier` with TLS and SCRAM only."""

    def __init__(self, run, pair):
        super().__init__(run, ssl="on", ssl_cert_file="server.pem", ssl_key_file="server.key",
                         password_encryption="scram-sha-256")
        self.pair = pair

    def use(self, pair):
        for source, name in ((pair.cert, "server.pem"), (pair.key, "server.key")):
            target = self.data / name
            shutil.copyfile(source, target)
            target.chmod(0o600)
            if self.user:
                os.chown(target, pwd.getpwnam(self.user).pw_uid, -1)

    def prepare(self):
        super().prepare()
        self.use(self.pair)
        hba = self.data / "pg_hba.conf"
        hba.write_text("hostssl all,replication carrier 127.0.0.1/32 scram-sha-256\nhost all,replication carrier "
                       "127.0.0.1/32 reject\n" + hba.read_text())

    def carrier(self, ca, mode="verify-full", host="127.0.0.1", **more):
        return seed.source_config(self, url=f"postgres://carrier@{host}:{self.port}/{self.database}?sslmode={mode}"
                                            f"&sslrootcert={ca}", **more)


@pytest.fixture(scope="module")
def secure_pg(session_run, pki):
    with SecurePostgres(session_run, pki.pair("postgres")) as server:
        seed.make_source(server)
        server.execute(f"CREATE ROLE carrier LOGIN REPLICATION PASSWORD '{WORD}'")
        server.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO carrier")
        yield server


@pytest.mark.parametrize("way", ["env", "file"])
def test_postgres_with_tls_and_a_scram_password(way, secure_pg, pki, redis, start, tmp_path):
    pg = secure_pg
    pg.execute("TRUNCATE engagement_events")
    pg.execute("SELECT pg_drop_replication_slot('cdc_slot')")
    pg.execute(seed.SLOT_SQL)
    (tmp_path / "word").write_text(WORD + "\n")
    password = "${env:CARRIER_WORD}" if way == "env" else f"${{file:{tmp_path}/word}}"
    multisink = start(seed.pipeline(pg, seed.redis_sink(redis), source=pg.carrier(pki.ca, password=password)),
                      environment={"CARRIER_WORD": WORD})
    seed.Writer(pg).write(200)
    multisink.wait_caught_up(pg)
    assert checker.check_redis(pg, redis) == []
    assert pg.value("SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                    "WHERE usename = 'carrier'")
    status, _, text = check_rows(multisink)
    assert status == 0 and "FAIL" not in text, text
    assert_silent(multisink, WORD)
    assert multisink.stop() == 0


def test_postgres_refuses_a_wrong_password(secure_pg, pki, redis, start):
    config = seed.pipeline(secure_pg, seed.redis_sink(redis), source=secure_pg.carrier(pki.ca, password=WRONG))
    assert "28P01" in fails_with(start, config, "E0402")


def test_a_postgres_of_a_strange_authority_is_refused(secure_pg, stranger, redis, start):
    config = seed.pipeline(secure_pg, seed.redis_sink(redis),
                           source=secure_pg.carrier(stranger.ca, password="${env:CARRIER_WORD}"))
    said = fails_with(start, config, "E0705", environment={"CARRIER_WORD": WORD})
    assert "certificate" in said


def test_a_postgres_with_a_certificate_for_another_name_is_refused(secure_pg, pki, redis, start):
    secure_pg.use(pki.pair("elsewhere", "DNS:elsewhere.example"))
    secure_pg.execute("SELECT pg_reload_conf()")
    try:
        config = seed.pipeline(secure_pg, seed.redis_sink(redis),
                               source=secure_pg.carrier(pki.ca, password="${env:CARRIER_WORD}"))
        assert "elsewhere.example" in fails_with(start, config, "E0705", environment={"CARRIER_WORD": WORD})
    finally:
        secure_pg.use(secure_pg.pair)
        secure_pg.execute("SELECT pg_reload_conf()")


def test_a_postgres_without_tls_is_no_way_out(pg, pki, redis, start):
    source = seed.source_config(pg, url=f"{pg.url}?sslmode=verify-full&sslrootcert={pki.ca}")
    said = fails_with(start, seed.pipeline(pg, seed.redis_sink(redis), source=source), "E0706")
    assert "SSL" in said and pg.value("SELECT count(*) FROM pg_stat_replication") == 0


# ---- Redis -------------------------------------------------------------------------------------------------------


class SecureRedis(Redis):
    """TLS and a unix socket, no plain port; the user `carrier` only."""

    def __init__(self, run, pki, pair):
        super().__init__(run)
        self.tls_port = free_port()
        self.socket = self.dir / "redis.sock"
        self.pki = pki
        (self.dir / "users.acl").write_text(f"user default off\nuser carrier on >{WORD} ~* &* +@all\n"
                                            f"user reader on >{WORD} ~* &* +@read +@connection +@transaction +info\n")
        self.settings.update({"port": "0", "tls-port": str(self.tls_port), "tls-cert-file": str(pair.cert),
                              "tls-key-file": str(pair.key), "tls-ca-cert-file": str(pki.ca),
                              "tls-auth-clients": "no", "unixsocket": str(self.socket),
                              "aclfile": str(self.dir / "users.acl")})

    def client(self, db=0):
        import redis
        return redis.Redis(unix_socket_path=str(self.socket), username="carrier", password=WORD, db=db,
                           decode_responses=True)

    def sink(self, url=None, **more):
        more = {"username": "carrier", "password": "${env:REDIS_WORD}", "tls": {"ca": str(self.pki.ca)}, **more}
        sink = seed.redis_sink(self, **more)
        sink["redis"]["url"] = url or f"rediss://127.0.0.1:{self.tls_port}/2"
        return {k: v for k, v in sink.items()}


@pytest.fixture
def secure_redis(run, pki):
    with SecureRedis(run, pki, pki.pair("redis")) as server:
        yield server


def assert_counted(pg, redis, db):
    scores = dict(redis.client(db).zrange(seed.SCORES, 0, -1, withscores=True))
    assert checker.compare_scores(checker.count_rows(pg), scores) == []


def test_redis_with_tls_user_password_and_database(pg, secure_redis, start):
    multisink = start(seed.pipeline(pg, secure_redis.sink()), environment={"REDIS_WORD": WORD})
    seed.Writer(pg).write(200)
    multisink.wait_caught_up(pg)
    assert_counted(pg, secure_redis, 2)
    assert secure_redis.client(0).dbsize() == 0
    status, _, text = check_rows(multisink)
    assert status == 0 and "FAIL" not in text, text
    assert_silent(multisink, WORD)


def test_redis_over_a_unix_socket(pg, secure_redis, start):
    sink = secure_redis.sink(f"unix://{secure_redis.socket}?db=3")
    del sink["redis"]["tls"]
    multisink = start(seed.pipeline(pg, sink), environment={"REDIS_WORD": WORD})
    seed.Writer(pg).write(100)
    multisink.wait_caught_up(pg)
    assert_counted(pg, secure_redis, 3)


def test_redis_refusals_have_their_codes(pg, secure_redis, stranger, start):
    """A wrong password, a user that may not write, a strange authority, a name that is not in the certificate, and
    plain text towards a TLS port."""
    cases = {
        "wrong-word": ("E0510", secure_redis.sink(password=WRONG)),
        "reader": ("E0511", secure_redis.sink(username="reader")),
        "stranger": ("E0705", secure_redis.sink(tls={"ca": str(stranger.ca)})),
        "name": ("E0705", secure_redis.sink(tls={"ca": str(secure_redis.pki.ca), "server_name": "other.example"})),
    }
    sinks = [{**sink, "name": name} for name, (_, sink) in cases.items()]
    multisink = start(seed.pipeline(pg, *sinks), environment={"REDIS_WORD": WORD})
    for name, (code, _) in cases.items():
        multisink.wait_sink(name, lambda s, code=code: (s["last_error"] or {}).get("code") == code, 20,
                            f"{name}: {code}")
    status, _, text = check_rows(multisink)
    assert status != 0 and all(code in text for code, _ in cases.values()), text
    assert text.count("FAIL") >= len(cases)
    assert_silent(multisink, WORD, WRONG)
    assert secure_redis.client(2).dbsize() == 0


def test_redis_unverified_is_accepted_and_warned_of(pg, secure_redis, start):
    multisink = start(seed.pipeline(pg, secure_redis.sink(tls={"verify": False})), environment={"REDIS_WORD": WORD})
    seed.Writer(pg).write(50)
    multisink.wait_caught_up(pg)
    assert_counted(pg, secure_redis, 2)
    status, _, text = check_rows(multisink)
    assert status == 0 and "warn" in text and "verify" in text, text


# ---- HTTP --------------------------------------------------------------------------------------------------------


class SecureEndpoint(Endpoint):
    def __init__(self, pair, answer=lambda request: 200):
        super().__init__(answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.handle_error = lambda *_: None  # clients that do not trust us
        self.url = f"https://127.0.0.1:{self.port}/api"


def test_an_https_receiver_is_verified(pg, pki, start):
    with SecureEndpoint(pki.pair("receiver")) as endpoint:
        sink = seed.http_sink(url=endpoint.url, tls={"ca": str(pki.ca)})
        multisink = start(seed.pipeline(pg, sink))
        seed.Writer(pg).write(100)
        multisink.wait_caught_up(pg)
        assert checker.check_http_events(pg, endpoint.events()) == []
        status, _, text = check_rows(multisink)
        assert status == 0, text


def test_an_https_receiver_that_cannot_be_trusted_gets_nothing(pg, pki, stranger, start):
    with SecureEndpoint(stranger.self_signed("self")) as alone, \
            SecureEndpoint(pki.pair("other", "DNS:other.example")) as misnamed:
        trusted = {"ca": str(pki.ca)}
        multisink = start(seed.pipeline(pg, seed.http_sink(url=alone.url, name="self", tls=trusted),
                                        seed.http_sink(url=misnamed.url, name="misnamed", tls=trusted),
                                        seed.http_sink(url=alone.url, name="unverified", tls={"verify": False})))
        pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
        for name in ("self", "misnamed"):
            multisink.wait_sink(name, lambda s: (s["last_error"] or {}).get("code") == "E0705", 20, name)
        multisink.wait_sink("unverified", lambda s: s["rows"] == 1, 20)
        assert (len(alone.requests), len(misnamed.requests)) == (1, 0)
        status, _, text = check_rows(multisink)
        assert status != 0 and text.count("E0705") >= 2, text
        assert "tls.verify is false" in text


def verify_webhook(request, secret, now):
    """Standard Webhooks, written from its specification: raises when the request is not from who has the secret."""
    signed = b".".join([request.headers["webhook-id"].encode(), request.headers["webhook-timestamp"].encode(),
                        request.text])
    key = base64.b64decode(secret.removeprefix("whsec_"))
    want = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [part.split(",", 1) for part in request.headers["webhook-signature"].split(" ")]
    if abs(now - int(request.headers["webhook-timestamp"])) > 300:
        raise ValueError("too old or too new")
    if not any(version == "v1" and hmac.compare_digest(text, want) for version, text in given):
        raise ValueError("signature")


def test_every_request_is_signed_with_each_of_two_secrets(pg, pki, start):
    secrets = ["whsec_" + base64.b64encode(os.urandom(32)).decode() for _ in range(2)]
    with SecureEndpoint(pki.pair("signed")) as endpoint:
        sink = seed.http_sink(url=endpoint.url, tls={"ca": str(pki.ca)}, secret=["${env:NEW}", "${env:OLD}"])
        multisink = start(seed.pipeline(pg, sink), environment={"NEW": secrets[0], "OLD": secrets[1]})
        seed.Writer(pg).write(60)
        multisink.wait_caught_up(pg)
        assert len(endpoint.requests) >= 60
        for request in endpoint.requests:
            for secret in secrets:
                verify_webhook(request, secret, time.time())
            with pytest.raises(ValueError):
                verify_webhook(request._replace(text=request.text + b" "), secrets[0], time.time())
        assert_silent(multisink, *secrets, *(s[6:] for s in secrets))


def test_a_redirect_takes_no_credentials_elsewhere(pg, pki, start):
    with SecureEndpoint(pki.pair("elsewhere2")) as elsewhere, \
            SecureEndpoint(pki.pair("redirects"), lambda r: (307, {"location": elsewhere.url})) as endpoint:
        sink = seed.http_sink(url=endpoint.url, tls={"ca": str(pki.ca)}, headers={"Authorization": "Bearer ${env:T}"})
        multisink = start(seed.pipeline(pg, sink), environment={"T": WORD})
        pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
        multisink.wait_sink("api", lambda s: (s["last_error"] or {}).get("code") == "E0722", 20, "it says so")
        assert endpoint.requests[0].headers["authorization"] == f"Bearer {WORD}"
        assert elsewhere.requests == []
        assert_silent(multisink, WORD)


def test_proxies_of_the_environment_are_ignored(pg, pki, start):
    with Endpoint() as proxy, Endpoint() as plain, SecureEndpoint(pki.pair("direct")) as secure:
        address = f"http://127.0.0.1:{proxy.port}"
        names = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
        environment = {**dict.fromkeys(names, address), "no_proxy": "", "NO_PROXY": ""}
        multisink = start(seed.pipeline(pg, seed.http_sink(url=plain.url, name="plain"),
                                        seed.http_sink(url=secure.url, name="secure", tls={"ca": str(pki.ca)})),
                          environment=environment)
        pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
        wait_until(lambda: plain.requests and secure.requests, 20, "both have it")
        assert multisink.cli("check", multisink.config_path).returncode == 0
        assert proxy.requests == []


# ---- Cassandra ---------------------------------------------------------------------------------------------------


class SecureCassandra(Cassandra):
    """Passwords, and TLS on the native port."""

    def __init__(self, run, pki, pair):
        store = pki.keystore(pair, "keystore-word")
        super().__init__(run, label="cassandra-tls", yaml_extra=f"""\
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
client_encryption_options:
  enabled: true
  optional: false
  keystore: {store}
  keystore_password: keystore-word
  store_type: PKCS12
  require_client_auth: false
""")
        self.pki = pki

    def command(self):
        java, *words = super().command()
        return [java, "-Dcassandra.superuser_setup_delay_ms=0", *words]

    def cluster_options(self):
        from cassandra.auth import PlainTextAuthProvider
        return {"ssl_context": ssl.create_default_context(cafile=str(self.pki.ca)),
                "ssl_options": {"server_hostname": "127.0.0.1"},
                "auth_provider": PlainTextAuthProvider("cassandra", "cassandra")}

    def has_superuser(self):
        return "Created default superuser" in self.log_text()


@pytest.fixture(scope="module")
def secure_cassandra(session_run, pki):
    with SecureCassandra(session_run, pki, pki.pair("cassandra")) as node:
        wait_until(node.has_superuser, 30, "the first user is made")
        node.execute(f"CREATE ROLE carrier WITH LOGIN = true AND PASSWORD = '{WORD}'",
                     f"CREATE ROLE guest WITH LOGIN = true AND PASSWORD = '{WORD}'")
        yield node


@pytest.fixture
def engagement(secure_cassandra):
    """The node with a fresh keyspace; the rights to the one before went with it."""
    seed.make_cassandra(secure_cassandra)
    secure_cassandra.execute("GRANT SELECT ON KEYSPACE engagement TO carrier",
                             "GRANT MODIFY ON KEYSPACE engagement TO carrier")
    return secure_cassandra


def secure_sink(node, name="events", tls=None, **more):
    options = {"username": "carrier", "password": "${env:CQL_WORD}",
               "tls": {"enabled": True, **(tls or {"ca": str(node.pki.ca)})}, **more}
    return seed.cassandra_sink(node, name=name, **options)


def test_cassandra_with_tls_and_password(pg, engagement, start):
    multisink = start(seed.pipeline(pg, secure_sink(engagement)), environment={"CQL_WORD": WORD})
    seed.Writer(pg).write(300)
    multisink.wait_caught_up(pg)
    assert checker.check_cassandra(pg, engagement) == []
    status, _, text = check_rows(multisink)
    assert status == 0 and "FAIL" not in text, text
    assert_silent(multisink, WORD)


def test_cassandra_refusals_have_their_codes(pg, engagement, stranger, start):
    """A wrong password, none at all, a user that may not write, a strange authority, a name that is not in the
    certificate."""
    node = engagement
    nobody = secure_sink(node, "nobody")
    del nobody["cassandra"]["username"], nobody["cassandra"]["password"]
    cases = {
        "wrong-word": ("E0604", secure_sink(node, password=WRONG)),
        "nobody": ("E0605", nobody),
        "guest": ("E0611", secure_sink(node, username="guest")),
        "stranger": ("E0705", secure_sink(node, tls={"ca": str(stranger.ca)})),
        "name": ("E0705", secure_sink(node, tls={"ca": str(node.pki.ca), "server_name": "other.example"})),
    }
    multisink = start(seed.pipeline(pg, *({**sink, "name": name} for name, (_, sink) in cases.items())),
                      environment={"CQL_WORD": WORD})
    pg.execute("INSERT INTO engagement_events (event_ts) VALUES (now())")
    for name, (code, _) in cases.items():
        multisink.wait_sink(name, lambda s, code=code: (s["last_error"] or {}).get("code") == code, 30,
                            f"{name}: {code}")
    status, _, text = check_rows(multisink)
    assert status != 0 and all(code in text for name, (code, _) in cases.items() if name != "guest"), text
    assert_silent(multisink, WORD, WRONG)


def test_cassandra_unverified_is_accepted_and_warned_of(pg, engagement, start):
    multisink = start(seed.pipeline(pg, secure_sink(engagement, tls={"verify": False})),
                      environment={"CQL_WORD": WORD})
    seed.Writer(pg).write(50)
    multisink.wait_caught_up(pg)
    assert checker.check_cassandra(pg, engagement) == []
    status, _, text = check_rows(multisink)
    assert status == 0 and "warn" in text and "verify" in text, text
