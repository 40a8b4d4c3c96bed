# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone."""
import concurrent.futures
import shlex
import subprocess

from checks import source


def compile_alone(root, flags, path):
    rel = path.relative_to(root / "src").as_posix()
    unit = f'#include "{rel}"\n#include "{rel}"\n'
    result = subprocess.run(["gcc", "-std=gnu17", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE",
                             '-DMULTISINK_VERSION="0"', "-Isrc", *flags, "-x", "c", "-"],
                            input=unit, cwd=root, capture_output=True, text=True)
    first = next((x for x in result.stderr.splitlines() if "error:" in x), result.stderr.strip())
    return None if result.returncode == 0 else f"src/{rel} does not compile alone: {first}"


def run(root):
    found = subprocess.run(["pkg-config", "--cflags", "libpq"], capture_output=True, text=True).stdout
    flags = shlex.split(found)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = pool.map(lambda p: compile_alone(root, flags, p), source.sources(root, "src", ends=(".h",)))
        return [fault for fault in jobs if fault]
