# SPDX-License-Identifier: Apache-2.0
"""The error catalogue: numbers unique and ascending, each code used in the program, and named by a test."""
import re

from checks import source

ENTRY = re.compile(r"^ERRCODE\(\s*(\d+)\s*,\s*(\w+)\s*,", re.M)
ORDER = re.compile(r'#include "base/errors/(\w+)\.def"')


def catalogue(root):
    """(number, name, file) in the order of errcode.def."""
    order = ORDER.findall((root / "src/base/errcode.def").read_text(encoding="utf-8"))
    found = []
    for name in order:
        text = (root / f"src/base/errors/{name}.def").read_text(encoding="utf-8")
        found += [(int(number), code, name) for number, code in ENTRY.findall(text)]
    return found


def words_of(paths):
    text = "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in paths)
    return set(re.findall(r"\bE(?:_[A-Z0-9_]+|\d{4})\b", text))


def run(root):
    codes = catalogue(root)
    faults = []
    for (before, _, _), (number, name, file) in zip(codes, codes[1:]):
        if number <= before:
            faults.append(f"src/base/errors/{file}.def: {number} ({name}) does not come after {before}")
    used = words_of(source.sources(root, "src"))
    tested = words_of(source.sources(root, "tests", ends=(".c", ".h", ".py")))
    for number, name, file in codes:
        spellings = {f"E_{name}", f"E{number:04d}"}
        if not spellings & used:
            faults.append(f"E{number:04d} {name} ({file}.def): nothing in src/ raises it")
        elif not spellings & tested:
            faults.append(f"E{number:04d} {name} ({file}.def): no test provokes it")
    return faults
