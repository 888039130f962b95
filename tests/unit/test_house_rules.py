"""House rules that no linter knows, as small programs over the syntax tree. Each is shown to fail on a bad example."""

from __future__ import annotations

import ast
import importlib.metadata
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
MAX_LINES = 300
# Pieced together, so that this file does not trip over itself.
LEFTOVERS = re.compile(
    "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "type: " + "ignore", "no" + "qa", "pragma: no " + "cover"))
)
PRIVATE_PATHS = re.compile(
    r"(?<![\w.])/(?:" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + r"me/(?!visitor\b)\w+")) + r")/"
)
# Rooms whose files hold the outermost level of a process, thread, request or connection.
OUTERMOST = ("runtime", "api", "radio/emulated")
DEVICE_LIBRARIES = {"adi", "iio"}

Rule = Callable[[str], Iterator[str]]


def _calls(tree: ast.AST) -> Iterator[tuple[int, str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func), node


def too_long(source: str) -> Iterator[str]:
    """A file over the limit does two things: split it."""
    lines = source.count("\n")
    if lines > MAX_LINES:
        yield f"{lines} lines, the limit is {MAX_LINES}"


def leftovers(source: str) -> Iterator[str]:
    """Comments that promise work or silence a check."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (found := LEFTOVERS.search(token.string)):
            yield f"line {token.start[0]}: {found.group()}"


def private_paths(source: str) -> Iterator[str]:
    """Folders of one machine."""
    for number, line in enumerate(source.splitlines(), start=1):
        if found := PRIVATE_PATHS.search(line):
            yield f"line {number}: {found.group()}"


def sleeps(source: str) -> Iterator[str]:
    """A test that sleeps either wastes time or fails on a busy machine: wait for a state, with a deadline."""
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
        if alias.name == "sleep"
    }
    for line, name, _ in _calls(tree):
        if name == "time.sleep" or name in names:
            yield f"line {line}: {name}()"


def spawn_only(source: str) -> Iterator[str]:
    """Only spawned processes: a forked child inherits locks, threads and file descriptors it does not know of."""
    tree = ast.parse(source)
    for line, name, call in _calls(tree):
        if name in {"os.fork", "os.forkpty", "pty.fork", "multiprocessing.Process", "multiprocessing.Pool"}:
            yield f"line {line}: {name}()"
        if name.rpartition(".")[2] in {"get_context", "set_start_method"}:
            kinds = [ast.unparse(argument) for argument in (*call.args, *(k.value for k in call.keywords))]
            if kinds[:1] != ["'spawn'"]:
                yield f"line {line}: {name}({', '.join(kinds)})"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "multiprocessing":
            yield from (f"line {node.lineno}: {a.name}" for a in node.names if a.name in {"Process", "Pool"})


def catches_everything(source: str) -> Iterator[str]:
    """`except:` anywhere."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            yield f"line {node.lineno}: bare except"


def catches_exception(source: str) -> Iterator[str]:
    """`except Exception` away from the outermost level."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            names = {child.id for child in ast.walk(node.type) if isinstance(child, ast.Name)}
            if names & {"Exception", "BaseException"}:
                yield f"line {node.lineno}: except {ast.unparse(node.type)}"


def device_library_at_import(source: str) -> Iterator[str]:
    """`import adi` fails without the C library: only where a device is opened, so that everything else works."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = {(node.module or "").split(".")[0]}
        else:
            continue
        yield from (f"line {node.lineno}: import {name}" for name in sorted(names & DEVICE_LIBRARIES))


def _everywhere(path: str) -> bool:
    return True


def _in_src(path: str) -> bool:
    return path.startswith("src/")


def _in_tests(path: str) -> bool:
    """Tests themselves; a stand-in for a slow device beside them may take its time."""
    return path.startswith("tests/") and path.rpartition("/")[2].startswith(("test_", "conftest"))


def _below_outermost(path: str) -> bool:
    return _in_src(path) and not path.startswith(tuple(f"src/ndefender/{room}/" for room in OUTERMOST))


RULES: list[tuple[Rule, Callable[[str], bool], str]] = [
    (too_long, _in_src, "x = 1\n" * (MAX_LINES + 1)),
    (leftovers, _everywhere, "x = 1  # " + "TO" + "DO: better\n"),
    (leftovers, _everywhere, "x: int = 'a'  # type: " + "ignore[assignment]\n"),
    (private_paths, _everywhere, "FOLDER = '/wo" + "rk/scratch'\n"),
    (sleeps, _in_tests, "import time\ntime.sleep(1)\n"),
    (sleeps, _in_tests, "from time import sleep as nap\nnap(1)\n"),
    (spawn_only, _everywhere, "import os\nos.fork()\n"),
    (spawn_only, _everywhere, "import multiprocessing\nmultiprocessing.get_context('fork')\n"),
    (spawn_only, _everywhere, "import multiprocessing\nmultiprocessing.get_context()\n"),
    (spawn_only, _everywhere, "from multiprocessing import Process\n"),
    (catches_everything, _everywhere, "try:\n    f()\nexcept:\n    pass\n"),
    (catches_exception, _below_outermost, "try:\n    f()\nexcept (ValueError, Exception):\n    pass\n"),
    (device_library_at_import, _in_src, "import adi\n"),
    (device_library_at_import, _in_src, "from iio import Buffer\n"),
]
FILES = sorted(
    path.relative_to(TOP).as_posix()
    for folder in ("src", "tests", "benchmarks", "docs")
    for path in (TOP / folder).rglob("*.py")
)


def test_the_tree_is_found() -> None:
    assert "src/ndefender/errors.py" in FILES
    assert "tests/unit/test_house_rules.py" in FILES


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _, _ in RULES), ids=lambda rule: rule.__name__)
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    applies = next(where for other, where, _ in RULES if other is rule)
    broken = [
        f"{path}: {violation}"
        for path in FILES
        if applies(path)
        for violation in rule((TOP / path).read_text(encoding="utf-8"))
    ]
    assert broken == []


@pytest.mark.parametrize(("rule", "bad"), [(rule, bad) for rule, _, bad in RULES])
def test_the_rule_sees_a_bad_example(rule: Rule, bad: str) -> None:
    assert len(list(rule(bad))) == 1


@pytest.mark.parametrize("rule", dict.fromkeys(rule for rule, _, _ in RULES), ids=lambda rule: rule.__name__)
def test_the_rule_lets_good_code_be(rule: Rule) -> None:
    good = (
        "import multiprocessing\n"
        "def work(event):\n"
        "    import adi\n"
        "    ctx = multiprocessing.get_context('spawn')\n"
        "    try:\n"
        "        event.wait(1.0)  # a state, with a deadline\n"
        "    except ValueError:\n"
        "        raise\n"
    )
    assert list(rule(good)) == []


def test_the_embedded_text_files_name_no_folder_of_one_machine() -> None:
    texts = [path for pattern in ("*.md", "*.toml", "*.lock") for path in TOP.glob(pattern)]
    texts += [path for folder in ("docs", "deploy", "requirements", ".ci") for path in (TOP / folder).rglob("*")]
    texts += [*(TOP / "src").rglob("*.toml"), TOP / "run", TOP / "test"]
    broken = [
        f"{path.relative_to(TOP)}: {violation}"
        for path in texts
        if path.is_file() and path.suffix in {"", ".md", ".toml", ".lock", ".sh", ".service", ".rules"}
        for violation in private_paths(path.read_text(encoding="utf-8"))
    ]
    assert broken == []


def imported(source: str) -> set[str]:
    """Top-level names of the modules a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def undeclared(sources: dict[str, str], declared: set[str]) -> list[str]:
    """Imports of packages that are installed only because another package happens to need them."""
    distributions = importlib.metadata.packages_distributions()
    ours = {
        "ndefender",
        *(path.removesuffix(".py").split("/")[i] for path in FILES for i in range(path.count("/") + 1)),
    }
    return sorted(
        f"{path}: {name}"
        for path, source in sources.items()
        for name in imported(source) - sys.stdlib_module_names - ours
        if not {_normal(distribution) for distribution in distributions.get(name, [name])} & declared
    )


def _normal(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement)[0]).lower()


@pytest.mark.parametrize(("folders", "groups"), [(("src/",), ()), (("tests/", "benchmarks/"), ("dev",))])
def test_what_is_imported_is_declared(folders: tuple[str, ...], groups: tuple[str, ...]) -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["project"]["dependencies"],
        *(row for group in groups for row in project["dependency-groups"][group]),
    ]
    sources = {path: (TOP / path).read_text(encoding="utf-8") for path in FILES if path.startswith(folders)}
    assert undeclared(sources, {_normal(row) for row in wanted}) == []


def test_an_undeclared_import_is_seen() -> None:
    sources = {"a.py": "import click, os\ndef f():\n    from websockets.exceptions import ConnectionClosed\n"}
    assert undeclared(sources, {"click"}) == ["a.py: websockets"]


@pytest.mark.parametrize("group", ["run", "dev"])
def test_every_requirement_is_locked(group: str) -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    wanted = [*project["project"]["dependencies"], *groups["build"], *(groups["dev"] if group == "dev" else [])]
    lock = (TOP / "requirements" / f"{group}.lock").read_text(encoding="utf-8")
    locked = {line.split("==")[0] for line in lock.splitlines() if "==" in line}
    assert {_normal(row) for row in wanted} - locked == set()
