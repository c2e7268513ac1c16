"""How the sources stand to one another (doc/architecture.md), and how long things may be."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parent.parent
HEADERS = sorted(TOP.glob("include/*/*.h"))
SOURCES = sorted(TOP.glob("src/*/*.[ch]"))
UNIT_TESTS = sorted(TOP.glob("test/unit/*.[ch]"))

# What each layer may include, besides itself.
BELOW = {
    "base": set(),
    "config": {"base"}, "wire": {"base"}, "tls": {"base"}, "snp": {"base"},
    "attest": {"base", "config", "tls", "snp"},
    "api": {"base", "config", "tls", "snp", "attest"},
    "gate": {"base", "config", "wire", "tls", "snp", "attest"},
    "pool": {"base", "config", "wire", "tls", "snp", "attest", "gate"},
    "admin": {"base", "config", "wire", "tls", "snp", "attest", "gate", "pool"},
    "app": {"base", "config", "wire", "tls", "snp", "attest", "gate", "pool", "admin"},
}

FILE_LINES = 600
FUNCTION_LINES = 80


def relative(path):
    return str(path.relative_to(TOP))


def includes(path):
    """The project's own headers that a file includes, as "layer/name.h"."""
    return re.findall(r'^#include "([a-z0-9_]+/[a-z0-9_]+\.[a-z]+)"', path.read_text(), re.M)


def functions(path):
    """Name, first line and length of every function: with this formatting its braces stand in the first column."""
    lines = path.read_text().splitlines()
    began = None
    for number, line in enumerate(lines):
        if line == "{":
            began = number
        elif line == "}" and began is not None:
            head = next(lines[i] for i in range(began - 1, -1, -1) if re.match(r"\w.*\(", lines[i]))
            yield re.search(r"(\w+)\(", head).group(1), began, number - began + 1
            began = None


def test_the_sources_are_found():
    assert len(HEADERS) > 50 and len(SOURCES) > 50 and len(UNIT_TESTS) > 2
    assert sum(1 for path in SOURCES for _ in functions(path)) > 500


def test_every_layer_is_known():
    assert {path.parent.name for path in HEADERS + SOURCES} == set(BELOW)


def test_a_file_includes_only_its_own_layer_and_lower_ones():
    wrong = [f"{relative(path)} includes {header}" for path in HEADERS + SOURCES for header in includes(path)
             if header.split("/")[0] not in BELOW[path.parent.name] | {path.parent.name}]
    assert wrong == []


def test_headers_include_one_another_in_no_circle():
    graph = {f"{path.parent.name}/{path.name}": includes(path) for path in HEADERS}
    done, under_way = set(), []

    def visit(header):
        if header in done or header not in graph:
            return
        assert header not in under_way, " -> ".join([*under_way[under_way.index(header):], header])
        under_way.append(header)
        for other in graph[header]:
            visit(other)
        done.add(under_way.pop())
    for header in graph:
        visit(header)


def test_every_header_is_guarded_and_says_what_it_is_for():
    for path in HEADERS:
        text = path.read_text()
        assert re.match(rf"/\*\s*(\*\s*)?{re.escape(path.name)}: ", text), f"{relative(path)} has no file comment"
        guard = f"{path.parent.name}_{path.stem}_H".upper()
        assert f"#ifndef {guard}\n#define {guard}\n" in text, f"{relative(path)} is not guarded by {guard}"


def test_every_header_has_its_source_or_needs_none():
    """A function that is declared in include/x/y.h is defined in src/x/."""
    for path in HEADERS:
        layer = "\n".join(source.read_text() for source in SOURCES if source.parent.name == path.parent.name)
        for name in re.findall(r"^(?!static|typedef|#)[a-z][\w \*]*?\b\*?(\w+)\((?:[^()]|\([^()]*\))*\)[^;{]*;", path.read_text(), re.M):
            assert re.search(rf"\b{name}\(", layer), f"{relative(path)} declares {name}, which nobody defines"


@pytest.mark.parametrize("path", HEADERS + SOURCES, ids=relative)
def test_files_are_short(path):
    assert len(path.read_text().splitlines()) < FILE_LINES


def test_functions_are_short():
    long = [f"{relative(path)}:{line}: {name} has {length} lines" for path in HEADERS + SOURCES
            for name, line, length in functions(path) if length > FUNCTION_LINES]
    assert long == []


def test_nothing_is_left_to_be_done_later():
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
    texts = [path for pattern in ("src/**/*.[ch]", "include/**/*.[ch]", "test/**/*.py", "test/unit/*.[ch]", "script/**/*",
                                  "doc/*.md", "etc/*", "bench/*") for path in TOP.glob(pattern) if path.is_file()]
    left = [f"{relative(path)}:{number}: {line.strip()}" for path in texts
            for number, line in enumerate(path.read_text().splitlines(), 1) if words.search(line)]
    assert left == []


def test_every_unit_test_is_built():
    rules = "\n".join(path.read_text() for path in TOP.glob("src/*/local.mk"))
    missing = [relative(path) for path in TOP.glob("test/unit/test_*.c") if path.name not in rules]
    assert missing == []


def test_every_source_is_built():
    rules = "\n".join(path.read_text() for path in TOP.glob("src/*/local.mk"))
    assert [relative(path) for path in SOURCES if path.suffix == ".c" and relative(path) not in rules] == []
