# SPDX-License-Identifier: Apache-2.0
"""Dead files, licence lines, and nothing that depends on the machine it was written on."""
import re

from checks import source

REGISTRY = re.compile(r"\b(deb\.debian\.org|pypi\.org|files\.pythonhosted\.org|repo1?\.maven\.(?:apache\.)?org|"
                      r"repo\.maven\.apache\.org|registry\.npmjs\.org)\b")
FUZZ = re.compile(r"multisink_fuzz\(\s*(\w+)")
TEST = re.compile(r"multisink_test\(\s*(\w+)\s+(\w+)")


def listed(root, path):
    """Does a CMake file beside it, or above it, name this source?"""
    stem = path.stem
    for folder in [path.parent, *path.parent.parents]:
        if not folder.is_relative_to(root):
            return False
        texts = [p.read_text(encoding="utf-8") for p in [folder / "CMakeLists.txt", *folder.glob("*.cmake")]
                 if p.is_file()]
        for text in texts:
            if re.search(rf"(?<![\w/]){re.escape(path.relative_to(folder).as_posix())}\b", text):
                return True
            if stem.startswith("fuzz_") and stem[5:] in FUZZ.findall(text):
                return True
            if stem.startswith("test_") and stem[5:] in [f for _, f in TEST.findall(text)]:
                return True
    return False


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
