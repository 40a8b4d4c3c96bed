# SPDX-License-Identifier: Apache-2.0
"""clang-tidy on every source, two at a time. A file that was clean with the same text, headers and rules is
not read again (build/cache/tidy)."""
import concurrent.futures
import functools
import hashlib
import subprocess

from checks import source


@functools.lru_cache(maxsize=None)
def digest(path):
    return hashlib.sha256(path.read_bytes()).digest()


def closure(root, path, seen):
    """The file and every header of ours that it reads, directly or not."""
    if path in seen or not path.is_file():
        return seen
    seen.add(path)
    for _, kind, name in source.includes(path):
        if kind == '"':
            for base in (root / "src", root / "tests", path.parent):
                closure(root, base / name, seen)
    return seen


def fingerprint(root, path):
    h = hashlib.sha256()
    catalogue = [root / "src/base/errcode.def", *sorted((root / "src/base/errors").glob("*.def"))]
    for part in [root / ".clang-tidy", root / "cmake/warnings.cmake", *catalogue, *sorted(closure(root, path, set()))]:
        h.update(str(part.relative_to(root)).encode() + digest(part))
    return h.hexdigest()


def tidy(root, cache, path):
    mark = cache / fingerprint(root, path)
    if mark.exists():
        return []
    result = subprocess.run(["clang-tidy-14", "--quiet", "-p", "build/clang", str(path)], cwd=root,
                            capture_output=True, text=True)
    if result.returncode == 0:
        mark.write_text(str(path.relative_to(root)))
        return []
    lines = [x.replace(f"{root}/", "") for x in result.stdout.splitlines() if "error:" in x or "warning:" in x]
    return lines or [f"{source.where(root, path)}: {result.stderr.strip()[-300:]}"]


def run(root):
    configured = subprocess.run(["cmake", "--preset", "dev", "-B", "build/clang", "-DCMAKE_C_COMPILER=clang-14"],
                                cwd=root, capture_output=True, text=True)
    if configured.returncode != 0:
        return [f"cannot configure build/clang: {configured.stderr.strip()[:300]}"]
    cache = root / "build/cache/tidy"
    cache.mkdir(parents=True, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = pool.map(lambda p: tidy(root, cache, p), source.sources(root, "src", ends=(".c",)))
        return [fault for faults in jobs for fault in faults]
