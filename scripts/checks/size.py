# SPDX-License-Identifier: Apache-2.0
"""The ratchet: no function that was within 60 lines grows past them. Those that are longer for a reason (a flat
switch, a table) stand in scripts/checks/long.txt, and may shrink but not grow."""
import re

from checks import source

LIMIT = 60
FILE_LIMIT = 500
NAME = re.compile(r"(\w+)\s*\([^;{]*\)\s*$", re.S)


def functions(path):
    """(name, first line, lines) of each function: a body opens with { in the first column."""
    lines = source.code_only(path.read_text(encoding="utf-8")).splitlines()
    found, start, head = [], None, 0
    for n, line in enumerate(lines, 1):
        if start is None:
            if line.startswith("{"):
                start = n
            elif not line.strip() or line[0] in "#}" or line.rstrip().endswith(";"):
                head = n
        elif line.startswith("}"):
            match = NAME.search("\n".join(lines[head:start - 1]).strip())
            if match and "=" not in "".join(lines[head:start - 1]):
                found.append((match.group(1), head + 1, n - start + 1))
            start, head = None, n
    return found


def allowed(root):
    path = root / "scripts/checks/long.txt"
    rows = [x.split() for x in path.read_text().splitlines() if x and not x.startswith("#")]
    return {(file, name): int(lines) for file, name, lines, *_ in rows}


def run(root):
    known = allowed(root)
    faults = []
    for path in source.sources(root, "src"):
        rel = path.relative_to(root).as_posix()
        count = len(path.read_text(encoding="utf-8").splitlines())
        if count > known.get((rel, "-"), FILE_LIMIT):
            faults.append(f"{rel}: {count} lines, more than {FILE_LIMIT}: split it")
        if path.suffix != ".c":
            continue
        for name, line, length in functions(path):
            if length > known.get((rel, name), LIMIT):
                faults.append(f"{rel}:{line}: {name} has {length} lines, more than {known.get((rel, name), LIMIT)}")
    return faults
