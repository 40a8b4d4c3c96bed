# SPDX-License-Identifier: Apache-2.0
"""Dead files, licence lines, and nothing that depends on the machine it was written on."""
import re

from checks import source

REGISTRY = re.compile(r"\b(deb\.debian\.org|pypi\.org|files\.pythonhosted\.org|repo1?\.maven\.(?:apache\.)?org|"
                      r"repo\.maven\.apache\.org|registry\.npmjs\.org)\b")
PREFIX = re.compile(r"^(test|fuzz|sim)_")


def lists(root, path):
    """The CMake files that may name it: those of its folder and above; for tests, all of theirs."""
    folder = root / ("tests" if path.is_relative_to(root / "tests") else path.parent)
    return [p for p in source.tracked(root)
            if p.is_relative_to(folder) and (p.name == "CMakeLists.txt" or p.suffix == ".cmake")]


def listed(root, path):
    """Sources are named as files, tests also by the word behind their prefix."""
    words = {re.escape(path.name)}
    if PREFIX.match(path.stem):
        words.add(re.escape(PREFIX.sub("", path.stem)) + r"(?![\w.])")
    pattern = re.compile(r"(?<![\w])(" + "|".join(words) + ")")
    return any(pattern.search(p.read_text(encoding="utf-8")) for p in lists(root, path))


def unused_headers(root):
    used = {name for p in source.sources(root, "src", "tests") for _, _, name in source.includes(p)}
    return [h for h in source.sources(root, "src", ends=(".h",))
            if h.relative_to(root / "src").as_posix() not in used]


def run(root):
    faults = []
    for path in source.sources(root, "src", "tests", ends=(".c",)):
        if not listed(root, path):
            faults.append(f"{source.where(root, path)}: in no CMakeLists.txt: a dead file, or forgotten")
    for path in unused_headers(root):
        faults.append(f"{source.where(root, path)}: nobody includes it")
    for path in source.sources(root, "src", "tests", "bench", ends=(".c", ".h", ".py", ".cmake")):
        head = path.read_text(encoding="utf-8", errors="replace").splitlines()[:3]
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in head):
            faults.append(f"{source.where(root, path)}: no SPDX line at the top")
    for path in source.tracked(root):
        if path == root / "scripts/checks/files.py" or path.stat().st_size > 1 << 20:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for n, line in enumerate(text.splitlines(), 1):
            if REGISTRY.search(line):
                faults.append(f"{source.where(root, path, n)}: names a package registry; the clients know theirs")
    return faults
