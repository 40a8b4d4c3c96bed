# SPDX-License-Identifier: Apache-2.0
"""Who may include whom. Rooms of one step never include each other; a library has one home."""
import re

from checks import source

STEPS = [
    ["base"],
    ["model", "net", "log", "config"],
    ["postgres", "debezium", "cql", "kafka", "process"],
    ["stream", "sink"],
    ["pipeline"],
    ["control"],
    ["cli"],
]
STEP = {room: n for n, rooms in enumerate(STEPS) for room in rooms}

# header (or folder of headers) -> the places it may be included from
HOMES = {
    "libpq-fe.h": ["src/postgres/"],
    "librdkafka/": ["src/kafka/"],
    "microhttpd.h": ["src/control/", "src/cli/receive"],
    "sqlite3.h": ["src/pipeline/"],
    "pcre2.h": ["src/pipeline/pattern.c"],
    "hiredis/": ["src/sink/"],
    "yaml.h": ["src/config/"],
    "curl/": ["src/sink/", "src/cli/"],
    "openssl/": ["src/net/", "src/sink/", "src/postgres/"],
    "lz4.h": ["src/cql/"],
}

# Pure rooms: no sockets, no files, no clock.
PURE = ["model", "process", "debezium"]
IMPURE_HEADERS = {"sys/socket.h", "netdb.h", "poll.h", "fcntl.h", "sys/stat.h", "pthread.h",
                  "base/file.h", "base/wake.h", "base/logger.h"}
IMPURE = re.compile(r"\b(clock_real_us|clock_mono_us|clock_gettime|gettimeofday|time)\s*\(")
THREAD = re.compile(r"\bpthread_create\s*\(")


def check_include(root, path, line, kind, name):
    here = path.relative_to(root).as_posix()
    at = source.where(root, path, line)
    room = path.relative_to(root / "src").parts[0]
    if kind == '"':
        other = name.split("/")[0]
        if "/" not in name:
            return f'{at}: "{name}" needs its room in front: "room/file.h"'
        if other not in STEP:
            return f'{at}: "{other}" is no room of the program'
        if room in STEP and other != room and STEP[other] >= STEP[room]:
            return f"{at}: {room} may not include {other}: it is not below {room}"
    for header, homes in HOMES.items():
        fits = name.startswith(header) if header.endswith("/") else name == header
        if kind == "<" and fits and not any(here.startswith(h) for h in homes):
            return f"{at}: <{name}> belongs to {' and '.join(homes)} alone"
    if room in PURE and name in IMPURE_HEADERS:
        return f"{at}: {room} does no I/O and reads no clock, so it does not include {name}"
    return None


def run(root):
    faults, threads = [], []
    for path in source.sources(root, "src"):
        rel = path.relative_to(root / "src")
        if len(rel.parts) > 1 and rel.parts[0] not in STEP:
            faults.append(f"{source.where(root, path)}: a room that scripts/checks/layers.py does not know")
            continue
        for line, kind, name in source.includes(path):
            if len(rel.parts) == 1 and not name.startswith("cli/"):
                faults.append(f"{source.where(root, path, line)}: main.c includes only cli")
            fault = check_include(root, path, line, kind, name) if len(rel.parts) > 1 else None
            if fault:
                faults.append(fault)
        code = source.code_only(path.read_text(encoding="utf-8"))
        if rel.parts[0] in PURE and IMPURE.search(code):
            faults.append(f"{source.where(root, path)}: {rel.parts[0]} reads no clock: {IMPURE.search(code).group(1)}")
        if THREAD.search(code):
            threads.append(rel.as_posix())
    if [t for t in threads if not t.startswith("pipeline/")] or len(threads) > 1:
        faults.append(f"pthread_create stands in exactly one file of src/pipeline, not in: {' '.join(threads)}")
    return faults
