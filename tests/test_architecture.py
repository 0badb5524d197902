"""The plan of the house as failing tests: sizes, the public surface, what may be imported and written where."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAM = ("hitl_core", "app", "evals")
MODULE_LINES, PAGE_LINES, FUNCTION_LINES, FOLDER_FILES = 400, 120, 50, 15
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc"}
HEAVY = {"litellm", "torch", "sentence_transformers", "faiss", "streamlit", "sklearn", "polars", "alembic"}

# Rule 3 of the house: decisions are functions of values.
PURE_ROOMS = ("routing", "confidence", "calibration", "agreement", "stats")
LIBRARIES_OF_PURE_ROOMS = (*PURE_ROOMS, "domain")
EFFECTS = {
    "os",
    "pathlib",
    "random",
    "secrets",
    "shutil",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "urllib",
}
CLOCK_CALLS = {"now", "utcnow", "today", "default_rng", "open"}

# The only doors to these libraries.
DOORS = {
    "alembic": ("hitl_core/store/",),
    "litellm": ("hitl_core/judging/client.py",),
    "faiss": ("hitl_core/golden/index.py", "evals/"),
    "torch": ("hitl_core/embedding/",),
    "sentence_transformers": ("hitl_core/embedding/",),
    "transformers": ("hitl_core/embedding/",),
    "streamlit": ("app/", "evals/app_bench/"),
}
# A string in a call or an import that no module of the program may contain, with the reason.
FORBIDDEN_WORDS = {
    "unsafe_allow_html": "an iframe in model text runs scripts in our origin",
    "unsafe_allow_javascript": "model text runs scripts in our origin",
    "pickle": "loading one runs code; artefacts are JSON",
    "simplefilter": "warnings are repaired, not hidden",
}


@cache
def modules(*folders: str) -> tuple[Path, ...]:
    return tuple(sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py")))


@cache
def written_modules() -> tuple[Path, ...]:
    """All modules but the migrations: those are history, one step a file, and never edited again."""
    return tuple(path for path in modules(*PROGRAM, "tests") if "migrations/versions" not in name(path))


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Yield the top-level name of each import, lazy ones too."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0], node


def test_modules_are_short() -> None:
    lines = {name(path): path.read_text(encoding="utf-8").count("\n") for path in written_modules()}
    too_long = {path: n for path, n in lines.items() if n > MODULE_LINES}
    assert not too_long, f"split these modules, more than {MODULE_LINES} lines: {too_long}"


def test_pages_are_thin() -> None:
    lines = {name(path): path.read_text(encoding="utf-8").count("\n") for path in modules("app/views")}
    too_long = {path: n for path, n in lines.items() if n > PAGE_LINES}
    assert not too_long, f"move work out of these pages, more than {PAGE_LINES} lines: {too_long}"


def test_functions_are_short() -> None:
    too_long = {
        f"{name(path)}:{node.lineno} {node.name}": length
        for path in written_modules()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (length := code_lines(node)) > FUNCTION_LINES
    }
    assert not too_long, f"split these functions, more than {FUNCTION_LINES} lines: {too_long}"


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The length of a function without its docstring, which may be as long as the matter needs."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_folders_are_small() -> None:
    files = Counter(path.parent for path in modules(*PROGRAM, "tests") if path.name != "__init__.py")
    too_full = {name(folder): n for folder, n in files.items() if n > FOLDER_FILES}
    assert not too_full, f"more than {FOLDER_FILES} modules in a folder: {too_full}"


def test_modules_are_named_by_their_job() -> None:
    vague = [
        name(path)
        for path in modules(*PROGRAM, "tests")
        if FORBIDDEN_NAMES & {path.stem, *path.relative_to(ROOT).parent.parts}
    ]
    assert not vague, f"name these by the job they do: {vague}"


def test_test_modules_have_names_of_their_own() -> None:
    stems = Counter(path.stem for path in modules("tests") if path.stem.startswith("test_"))
    twice = [stem for stem, n in stems.items() if n > 1]
    assert not twice, f"two test modules with one name: {twice}"


def test_public_names_are_true_and_sorted() -> None:
    import hitl_core

    assert list(hitl_core.__all__) == sorted(hitl_core.__all__)
    assert len(set(hitl_core.__all__)) == len(hitl_core.__all__)
    untrue = [public for public in hitl_core.__all__ if not hasattr(hitl_core, public)]
    assert not untrue, f"in __all__ and not there: {untrue}"


def test_importing_the_core_is_light() -> None:
    code = f"import sys, hitl_core; print(sorted({HEAVY!r} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip() == "[]", "import these inside the functions that need them"


def test_every_page_is_registered() -> None:
    source = (ROOT / "app" / "main.py").read_text(encoding="utf-8")
    pages = [path.name for path in modules("app/views") if not path.name.startswith("_")]
    assert pages, "app/views holds no page"
    unlisted = [page for page in pages if f"views/{page}" not in source]
    assert not unlisted, f"app/main.py lists no st.Page for {unlisted}"


def test_views_leave_the_database_to_the_wiring() -> None:
    offenders = [
        f"{name(path)}:{node.lineno}"
        for path in modules("app/views")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("hitl_core.store")
    ]
    assert not offenders, f"ask app.wiring instead of hitl_core.store: {offenders}"


@pytest.mark.parametrize("library", DOORS)
def test_each_library_has_one_door(library: str) -> None:
    offenders = [
        f"{name(path)}:{node.lineno}"
        for path in modules(*PROGRAM)
        for package, node in imported(path)
        if package == library and not name(path).startswith(DOORS[library])
    ]
    assert not offenders, f"{library} belongs to {DOORS[library]} only: {offenders}"


def test_sql_is_written_in_the_store_only() -> None:
    offenders = {
        name(path): beyond
        for path in modules(*PROGRAM)
        if not name(path).startswith(("hitl_core/store/", "evals/"))
        and (beyond := sqlalchemy_names(path) - {"Connection"})
    }
    assert not offenders, f"elsewhere sqlalchemy is only the type of a transaction, Connection: {offenders}"


def sqlalchemy_names(path: Path) -> set[str]:
    """What a module uses of SQLAlchemy, by `from sqlalchemy import x` or `sa.x`."""
    used: set[str] = set()
    aliases: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            aliases |= {each.asname or each.name for each in node.names if each.name == "sqlalchemy"}
            used |= {each.name for each in node.names if each.name.startswith("sqlalchemy.")}
        elif isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "sqlalchemy":
            used |= {each.name for each in node.names}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            used.add(node.attr)
    return used


@pytest.mark.parametrize("library", ["torch", "sentence_transformers", "transformers", "litellm"])
def test_slow_libraries_are_imported_inside_calls(library: str) -> None:
    at_the_top = [
        f"{name(path)}:{node.lineno}"
        for path in modules(*PROGRAM)
        for package, node in imported(path)
        if package == library and node in tree(path).body
    ]
    assert not at_the_top, f"{library} takes seconds to import: {at_the_top}"


def test_pure_rooms_have_no_clock_disk_network_or_chance() -> None:
    folders = [f"hitl_core/{room}" for room in PURE_ROOMS]
    offenders = [
        f"{name(path)}:{node.lineno} imports {package}"
        for path in modules(*folders)
        for package, node in imported(path)
        if package in EFFECTS
    ]
    offenders += [
        f"{name(path)}:{node.lineno} calls {called}"
        for path in modules(*folders)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and (called := impure_call(node)) is not None
    ]
    assert not offenders, f"give these the value instead: {offenders}"


def impure_call(node: ast.Call) -> str | None:
    """The name of a call that reads the clock, the disk or chance; a generator made from a seed is a value."""
    function = node.func
    called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
    if called not in CLOCK_CALLS or (called == "default_rng" and (node.args or node.keywords)):
        return None
    return str(called)


def test_every_pure_room_is_in_the_import_contract() -> None:
    rooms = {f"hitl_core.{room}" for room in LIBRARIES_OF_PURE_ROOMS if modules(f"hitl_core/{room}")}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    contract = next(each for each in settings["contracts"] if each["id"] == "pure-rooms")
    assert set(contract["source_modules"]) == rooms


@pytest.mark.parametrize("word", FORBIDDEN_WORDS)
def test_dangerous_shortcuts_are_not_taken(word: str) -> None:
    offenders = [
        f"{name(path)}:{getattr(node, 'lineno', 0)}"
        for path in modules(*PROGRAM)
        for node in ast.walk(tree(path))
        if word in names_in(node)
    ]
    assert not offenders, f"no {word}, because {FORBIDDEN_WORDS[word]}: {offenders}"


def names_in(node: ast.AST) -> set[str]:
    """The identifiers that a node itself uses: keywords of a call, imported modules, names, attributes."""
    match node:
        case ast.keyword(arg=str(word)) | ast.Name(id=word) | ast.Attribute(attr=word):
            return {word}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            parts = {part for alias in names for part in alias.name.split(".")}
            return parts | {str(getattr(node, "module", ""))}
    return set()


def test_errors_are_not_swallowed() -> None:
    offenders = [
        f"{name(path)}:{node.lineno}"
        for path in modules(*PROGRAM)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and all(isinstance(statement, ast.Pass) for statement in node.body)
    ]
    assert not offenders, f"except Exception: pass hides what went wrong: {offenders}"
