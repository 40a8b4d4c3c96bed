# SPDX-License-Identifier: Apache-2.0
"""Real servers for tests, demo and bench: one context manager each.

Each has its own directory, its own free port on 127.0.0.1 and its own process group; leaving the context ends the
process, whatever happened inside, and a process of ours never outlives the one that started it (the kernel sends it
a signal then). Directories go too, unless the run failed or MULTISINK_KEEP is set: their path is printed then.

    with Postgres(run) as pg, Redis(run) as redis:
        pg.execute("CREATE TABLE ...")
"""
import contextlib
import ctypes
import glob
import json
import os
import pathlib
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

# Many programs under test run beside each other: the REST API is served where a test asks for it.
os.environ.setdefault("MULTISINK_LISTEN", "off")

ROOT = pathlib.Path(__file__).resolve().parents[2]
MULTISINK = pathlib.Path(os.environ.get("MULTISINK_BINARY", ROOT / "build/release/multisink"))
LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


class ServerError(Exception):
    """A server did not start, or ended when it should not; the message ends with the tail of its log."""


def wait_until(check, timeout=30.0, what="", every=0.05):
    """The first true value of check(), asked again until it comes; TimeoutError names what was awaited."""
    deadline = time.monotonic() + timeout
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {timeout:g} s still not: {what or check.__name__}")
        time.sleep(every)


_given_ports = set()


def free_port():
    """A port that nobody listens on. Below the range the kernel takes for outgoing connections, so that it is still
    free when a server that was killed comes back to it."""
    half = os.environ.get("PYTEST_XDIST_WORKER") == "gw1"  # two that test at once do not take each other's
    while True:
        port = random.SystemRandom().randrange(20000, 26000) + (6000 if half else 0)
        if port in _given_ports:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given_ports.add(port)
        return port


class Run:
    """The directory that one test session, demo or bench keeps its servers in."""

    def __init__(self, prefix="multisink-"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.dir.chmod(0o755)  # PostgreSQL runs as another user when we are root
        self.failed = False
        self.names = {}

    def subdir(self, name):
        number = self.names.get(name, 0)
        self.names[name] = number + 1
        path = self.dir / (name if number == 0 else f"{name}-{number + 1}")
        path.mkdir()
        return path

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if self.failed or kind not in (None, KeyboardInterrupt) or os.environ.get("MULTISINK_KEEP"):
            print(f"kept: {self.dir}", flush=True)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


class Server:
    """A process with a log, started and ended by a context. Subclasses give command(), ready() and name."""

    name = "server"
    start_timeout = 30.0
    stop_timeout = 15.0
    stop_signal = signal.SIGTERM
    death_signal = signal.SIGKILL  # what it gets when we die
    user = None

    def __init__(self, run, label=None):
        self.run = run
        self.dir = run.subdir(label or self.name)
        self.port = free_port()
        self.log_path = self.dir / f"{self.name}.log"
        self.process = None

    def command(self):
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)

    def prepare(self):
        """Once, before the first start."""

    def ready(self):
        """True when it serves; asked until then."""
        raise NotImplementedError

    def __enter__(self):
        try:
            self.prepare()
            self.start()
        except BaseException:
            self.run.failed = True
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def spawn(self):
        death = int(self.death_signal)

        def follow_parent():
            LIBC.prctl(PR_SET_PDEATHSIG, death, 0, 0, 0)

        who = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.dir,
                env=self.environment(), start_new_session=True, preexec_fn=follow_parent, **who)

    def start(self, wait=True):
        self.spawn()
        if wait:
            self.wait_ready()

    def wait_ready(self):
        def serving():
            if self.process.poll() is not None:
                raise ServerError(f"{self.name} ended with {self.process.returncode}: {self.log_tail()}")
            return self.ready()
        try:
            wait_until(serving, self.start_timeout, f"{self.name} is ready")
        except TimeoutError as fault:
            raise ServerError(f"{fault}: {self.log_tail()}") from fault

    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def stop(self, number=None, timeout=None):
        """Asks it to end and waits; returns its exit code. Too slow: it is killed and that is an error."""
        if self.process is None:
            return None
        self.signal(number or self.stop_signal)
        try:
            return self.process.wait(timeout or self.stop_timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"{self.name} did not stop within {timeout or self.stop_timeout} s") from None

    def kill(self):
        """kill -9, of all it started."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def restart(self):
        self.stop()
        self.start()

    def close(self):
        with contextlib.suppress(ServerError):
            self.stop()
        self.kill()

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines=15):
        return "\n" + "\n".join(self.log_text().splitlines()[-lines:])

    def rss_kib(self):
        """Resident memory now, or 0 when it has ended."""
        return self._proc_status("VmRSS")

    def rss_peak_kib(self):
        return self._proc_status("VmHWM")

    def _proc_status(self, key):
        with contextlib.suppress(OSError):
            match = re.search(rf"^{key}:\s+(\d+) kB", pathlib.Path(f"/proc/{self.pid}/status").read_text(), re.M)
            return int(match.group(1)) if match else 0
        return 0

    def cpu_seconds(self):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return 0.0


class Postgres(Server):
    """PostgreSQL with wal_level=logical. Superuser postgres, no password on 127.0.0.1. As root it runs as user
    postgres, since it refuses to run as root."""

    name = "postgres"
    stop_signal = signal.SIGINT       # "fast"
    death_signal = signal.SIGQUIT     # "immediate": ends its children too
    settings = {
        "wal_level": "logical", "max_wal_senders": "20", "max_replication_slots": "20", "max_connections": "60",
        "shared_buffers": "128MB", "listen_addresses": "127.0.0.1", "track_commit_timestamp": "on",
        "max_prepared_transactions": "10", "log_min_messages": "info", "timezone": "UTC", "max_wal_size": "4GB",
    }

    def __init__(self, run, database="engagement_db", bindir=None, label=None, **settings):
        super().__init__(run, label)
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        self.bindir = pathlib.Path(bindir or (os.path.dirname(found[-1]) if found else "/usr/lib/postgresql/15/bin"))
        self.data = self.dir / "data"
        self.database = database
        self.settings = {**Postgres.settings, **settings}
        if os.geteuid() == 0:
            self.user = "postgres"

    def tool(self, *words, **kwargs):
        """Runs one of PostgreSQL's programs as the user that owns the cluster."""
        who = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        return subprocess.run([str(self.bindir / words[0]), *map(str, words[1:])], check=True, cwd=self.dir,
                              capture_output=True, text=True, **who, **kwargs)

    def prepare(self):
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(self.dir, entry.pw_uid, entry.pw_gid)
        self.tool("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
                  "--no-sync")

    def command(self):
        words = [self.bindir / "postgres", "-D", self.data, "-p", self.port, "-k", self.dir]
        for key, value in self.settings.items():
            words += ["-c", f"{key}={value}"]
        return [str(w) for w in words]

    def ready(self):
        import psycopg
        try:
            with psycopg.connect(self.dsn("postgres"), autocommit=True) as db:
                if not db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.database]).fetchone():
                    db.execute(f'CREATE DATABASE "{self.database}"')
            return True
        except psycopg.OperationalError:
            return False

    def dsn(self, database=None):
        return f"host=127.0.0.1 port={self.port} user=postgres dbname={database or self.database} connect_timeout=5"

    @property
    def url(self):
        return f"postgres://postgres@127.0.0.1:{self.port}/{self.database}"

    def connect(self, **kwargs):
        import psycopg
        return psycopg.connect(self.dsn(), **{"autocommit": True, **kwargs})

    def execute(self, sql, *args):
        """One statement on a connection of its own; rows if it has any."""
        with self.connect() as db:
            cursor = db.execute(sql, args or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, sql, *args):
        return self.execute(sql, *args)[0][0]

    def lsn(self):
        return parse_lsn(self.value("SELECT pg_current_wal_flush_lsn()::text"))

    def slot_lsn(self, slot="cdc_slot"):
        rows = self.execute("SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = %s", slot)
        return parse_lsn(rows[0][0]) if rows and rows[0][0] else None

    def stop_fast(self, timeout=15.0):
        return self.stop(signal.SIGINT, timeout)

    def stop_immediate(self):
        return self.stop(signal.SIGQUIT)

    def close(self):
        with contextlib.suppress(ServerError):
            self.stop(signal.SIGQUIT)
        self.kill()


def parse_lsn(text):
    """'0/16B3748' as a number; numbers pass."""
    if isinstance(text, int):
        return text
    high, low = str(text).split("/")
    return int(high, 16) << 32 | int(low, 16)


class Redis(Server):
    """redis-server with an append-only file: nothing that was answered is lost by kill -9."""

    name = "redis"

    def __init__(self, run, label=None, **settings):
        super().__init__(run, label)
        self.settings = {"appendonly": "yes", "save": "", "maxmemory-policy": "noeviction", **settings}

    def command(self):
        words = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.dir)]
        for key, value in self.settings.items():
            words += [f"--{key.replace('_', '-')}", value]
        return words

    def ready(self):
        import redis
        try:
            return self.client().ping()
        except redis.RedisError:
            return False

    def client(self):
        import redis
        return redis.Redis(host="127.0.0.1", port=self.port, decode_responses=True, socket_timeout=10)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"


CASSANDRA_YAML = """\
cluster_name: multisink
num_tokens: 1
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
data_file_directories: [{dir}/data]
commitlog_directory: {dir}/commitlog
saved_caches_directory: {dir}/saved_caches
hints_directory: {dir}/hints
cdc_raw_directory: {dir}/cdc_raw
{commitlog}
endpoint_snitch: SimpleSnitch
listen_address: {address}
rpc_address: {address}
native_transport_port: {port}
storage_port: {storage_port}
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "127.0.0.1:{storage_port}"}}]
memtable_heap_space: 128MiB
key_cache_size: 8MiB
"""

# "periodic" is Cassandra's own default: a node that is killed loses what it acknowledged in the last moments (100 ms),
# which other replicas have. "durable" acknowledges what is on its disk: for the tests that kill a single node.
COMMITLOG = {
    "periodic": "commitlog_sync: periodic\ncommitlog_sync_period: 10000ms",
    "durable": "commitlog_sync: group\ncommitlog_sync_group_window: 5ms",
}

LOGBACK_XML = """\
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{ISO8601} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="out"/></root>
</configuration>
"""

# What Cassandra 5.0 wants opened in Java 17.
JAVA_EXPORTS = """java.base/jdk.internal.misc java.base/jdk.internal.ref java.base/java.lang.ref
java.management.rmi/com.sun.jmx.remote.internal.rmi java.rmi/sun.rmi.registry java.rmi/sun.rmi.server
java.sql/java.sql jdk.unsupported/sun.misc""".split()
JAVA_OPENS = [f"java.base/{p}" for p in """java.io java.lang java.lang.module java.lang.reflect java.nio
java.nio.file.spi java.util java.util.concurrent java.util.concurrent.atomic jdk.internal.loader jdk.internal.math
jdk.internal.misc jdk.internal.module jdk.internal.ref jdk.internal.reflect jdk.internal.util.jar
sun.nio.ch""".split()] + ["jdk.management/com.sun.management.internal"]


class Cassandra(Server):
    """One Cassandra 5.0 node from the jars that scripts/setup fetched; about 11 s to start."""

    name = "cassandra"
    start_timeout = 120.0
    stop_timeout = 30.0

    consistency = "LOCAL_ONE"  # of what is read and written here; not of the program's

    def __init__(self, run, label=None, heap="768m", commitlog="periodic", yaml_extra="", address="127.0.0.1",
                 first=None):
        """first: the node whose cluster this one joins, from another address and by the same ports."""
        super().__init__(run, label)
        if first is not None:
            self.port = first.port
        self.address = address
        self.storage_port = first.storage_port if first else free_port()
        self.heap = heap
        self.commitlog = COMMITLOG[commitlog]
        self.yaml_extra = yaml_extra
        self.lib = ROOT / "build/cache/cassandra/lib"
        self._sessions = []
        self._log_seen = 0

    def prepare(self):
        if not self.lib.is_dir():
            raise ServerError("Cassandra's jars are missing; run: make setup")
        text = CASSANDRA_YAML.format(dir=self.dir, address=self.address, port=self.port,
                                     storage_port=self.storage_port, commitlog=self.commitlog)
        (self.dir / "cassandra.yaml").write_text(text + self.yaml_extra)
        (self.dir / "logback.xml").write_text(LOGBACK_XML)

    def command(self):
        agent = next(self.lib.glob("jamm-*.jar"))
        words = ["java", f"-javaagent:{agent}", "-Xms512m", f"-Xmx{self.heap}", "-XX:+UseG1GC",
                 f"-Dcassandra.config=file://{self.dir}/cassandra.yaml",
                 f"-Dlogback.configurationFile={self.dir}/logback.xml", f"-Dcassandra.storagedir={self.dir}",
                 "-Dcassandra.ring_delay_ms=0", "-Dcassandra.skip_wait_for_gossip_to_settle=0",
                 "-Dcassandra-foreground=yes", "-Djdk.attach.allowAttachSelf=true"]
        for name in JAVA_EXPORTS:
            words += ["--add-exports", f"{name}=ALL-UNNAMED"]
        for name in JAVA_OPENS:
            words += ["--add-opens", f"{name}=ALL-UNNAMED"]
        return [*words, "-cp", f"{self.lib}/*", "org.apache.cassandra.service.CassandraDaemon"]

    def spawn(self):
        self._log_seen = self.log_path.stat().st_size if self.log_path.exists() else 0
        super().spawn()

    def ready(self):
        with open(self.log_path, "rb") as log:
            log.seek(self._log_seen)
            return b"Starting listening for CQL clients" in log.read()

    def cluster_options(self):
        """What the driver needs besides; for nodes with passwords or encryption."""
        return {}

    @contextlib.contextmanager
    def session(self):
        from cassandra import ConsistencyLevel
        from cassandra.cluster import Cluster, ExecutionProfile, EXEC_PROFILE_DEFAULT
        from cassandra.policies import WhiteListRoundRobinPolicy
        profile = ExecutionProfile(load_balancing_policy=WhiteListRoundRobinPolicy([self.address]), request_timeout=30,
                                   consistency_level=ConsistencyLevel.name_to_value[self.consistency])
        cluster = Cluster([self.address], port=self.port, protocol_version=4, connect_timeout=30,
                          control_connection_timeout=30, execution_profiles={EXEC_PROFILE_DEFAULT: profile},
                          **self.cluster_options())
        try:
            yield cluster.connect()
        finally:
            cluster.shutdown()

    def execute(self, *statements):
        """Each statement; the rows of the last."""
        with self.session() as session:
            rows = []
            for statement in statements:
                rows = list(session.execute(statement))
            return rows


class Receiver(Server):
    """multisink receive: the REST end of the pipeline. Writes each body as a line of `file`."""

    name = "receiver"

    def __init__(self, run, label=None, options=()):
        super().__init__(run, label)
        self.file = self.dir / "received.jsonl"
        self.options = list(options)

    def command(self):
        return [str(MULTISINK), "receive", "--port", str(self.port), "--out", str(self.file), "--quiet", *self.options]

    def ready(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/api"


class Multisink(Server):
    """The program under test, on a pipeline.yaml made from a dictionary."""

    name = "multisink"
    kafka = None  # the stream of the test that runs: there the groups say how far the sinks are

    def __init__(self, run, config, label=None, binary=MULTISINK, environment=None, wrapper=(), options=()):
        super().__init__(run, label)
        self.config_path = self.dir / "pipeline.yaml"
        self.binary = str(binary)
        self.extra_environment = environment or {}
        self.wrapper = list(wrapper)
        self.options = list(options)  # of `run`
        self.data = self.dir / "data"
        self.config = None
        self.configure(config)

    def configure(self, config):
        import yaml
        self.config = config
        stream = config.setdefault("stream", {})
        stream.setdefault("kafka" if "kafka" in stream else "log", {}).setdefault("dir", str(self.data))
        plain = json.loads(json.dumps(config))  # no part twice: it would be written as an alias
        self.config_path.write_text(yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=110))

    def command(self):
        return [*self.wrapper, self.binary, "run", *self.options, str(self.config_path)]

    def environment(self):
        return {**os.environ, **self.extra_environment}

    def ready(self):
        status = self.status()
        return status is not None and (status.get("source") or {"connected": True}).get("connected")

    def cli(self, *words, timeout=60, stdin=None):
        """Runs another command of the program; a CompletedProcess with text."""
        return subprocess.run([self.binary, *map(str, words)], capture_output=True, text=True, timeout=timeout,
                              cwd=self.dir, env=self.environment(), input=stdin)

    def status(self):
        """What `status --json` says, or None while nobody answers."""
        result = self.cli("status", "--json", self.config_path, timeout=15)
        try:
            return json.loads(result.stdout)
        except ValueError:
            return None

    def sink(self, name):
        status = self.status() or {}
        return next((s for s in status.get("sinks", []) if s["name"] == name), {})

    def wait_sink(self, name, check, timeout=30.0, what=""):
        return wait_until(lambda: (lambda s: s if s and check(s) else None)(self.sink(name)), timeout,
                          what or f"sink {name}")

    def caught_up(self, lsn, sinks=None):
        """Has all up to this LSN been confirmed to PostgreSQL and acknowledged by the sinks (all or those named)?"""
        status = self.status()
        if not status or parse_lsn(status["source"]["confirmed_lsn"] or 0) < lsn:
            return False
        return all(s["lag_bytes"] == 0 and s["lag_seconds"] == 0 for s in status["sinks"]
                   if sinks is None or s["name"] in sinks)

    def wait_caught_up(self, pg, timeout=120.0, sinks=None):
        if self.kafka:
            import servers_kafka
            return servers_kafka.wait_pipeline(self, self.kafka, pg, sinks, timeout)
        return self.wait_in_log(pg, timeout, sinks)

    def wait_in_log(self, pg, timeout, sinks):
        lsn = pg.lsn()

        def twice():
            """What a sink has not begun to read yet is seen at the second look."""
            if not self.caught_up(lsn, sinks):
                return False
            time.sleep(0.2)
            return self.caught_up(lsn, sinks)

        try:
            wait_until(twice, timeout, f"the sinks have all up to {lsn:X}", 0.2)
        except TimeoutError as fault:
            raise TimeoutError(f"{fault}; status: {json.dumps(self.status())}{self.log_tail()}") from None

    def wait_exit(self, timeout=30.0):
        return self.process.wait(timeout)


class Proxy:
    """Between a client and a server on 127.0.0.1: cut(), refuse(), freeze() and thaw() at will."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.open = True
        self.refusing = False
        self.flowing = threading.Event()
        self.flowing.set()
        self.cut_after = None  # bytes towards the client
        self.pairs = []
        self.lock = threading.Lock()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.open = False
        self.flowing.set()
        self.listener.close()
        self.cut()

    def _accept(self):
        while self.open:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port), 5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.pairs.append((client, server))
            for source, sink, counted in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(source, sink, counted), daemon=True).start()

    def _pump(self, source, sink, counted):
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(65536)
                self.flowing.wait()
                if not data:
                    break
                if counted and self.cut_after is not None:
                    data, self.cut_after = data[:self.cut_after], max(0, self.cut_after - len(data))
                    sink.sendall(data)
                    if self.cut_after == 0:
                        self.cut_after = None
                        break
                else:
                    sink.sendall(data)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Ends every connection, with a reset."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for s in (s for pair in pairs for s in pair):
            with contextlib.suppress(OSError):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def refuse(self, yes=True):
        self.refusing = yes
        if yes:
            self.cut()

    def freeze(self):
        """Bytes stay where they are; the connections stay open."""
        self.flowing.clear()

    def thaw(self):
        self.flowing.set()
