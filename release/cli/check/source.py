"""What the project's own files say, read and never run: where settings are set, which variables are read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from release.build.imports import absolute, is_live

__all__ = ["Read", "Source"]

READERS = {"environ", "environs", "decouple"}  # libraries whose env() or config() reads a variable
SPECIAL = {"db": "DATABASE_URL", "db_url": "DATABASE_URL", "cache": "CACHE_URL", "cache_url": "CACHE_URL",
           "dj_db_url": "DATABASE_URL", "email": "EMAIL_URL", "email_url": "EMAIL_URL"}  # fmt: skip


@dataclass(frozen=True)
class Read:
    """One reading of an environment variable."""

    name: str
    where: str
    required: bool


@dataclass(frozen=True)
class Source:
    """The Python files of a project; `root` is the directory with manage.py, inside `project`."""

    project: Path
    root: str
    paths: frozenset[str]

    def places(self, module: str) -> dict[str, str]:
        """Where each setting gets its last value, star imports followed: file:line by name."""
        return dict(self._assigned(module, seen=set()))

    def files_of(self, module: str) -> list[str]:
        """The settings module's own file and those it takes everything from."""
        seen: set[str] = set()
        list(self._assigned(module, seen=seen))
        return sorted(seen)

    def sets(self, module: str, *names: str) -> bool:
        """Whether a module sets one of these, itself or by what it imports."""
        return bool(self.places(module).keys() & set(names))

    def configurations(self, module: str) -> list[str]:
        """Classes of django-configurations in a module, each as settings name it: module:Class."""
        path, found = self._file(module), {"Configuration"}
        for node in self._parsed(path).body if path else []:
            if isinstance(node, ast.ClassDef) and found & {ast.unparse(base).split(".")[-1] for base in node.bases}:
                found.add(node.name)
        return [f"{module}:{name}" for name in sorted(found - {"Configuration"})]

    def reads(self, module: str) -> list[Read]:
        """Every variable that is read with this settings module, in settings or elsewhere."""
        return [read for path in self._live(module) for read in _reads(self._parsed(path), path)]

    def writes(self, module: str) -> list[str]:
        """Where a file of the project's own tree is written."""
        return [f"{path}:{line}" for path in self._live(module) for line in _writes(self._parsed(path))]

    def _live(self, module: str) -> list[str]:
        """The Python files that run on a server; other settings modules do not."""
        chain = self.files_of(module)
        files = [path for path in sorted(self.paths) if is_live(path)]
        return chain + [path for path in files if path not in chain and "settings" not in path]

    def default_settings(self, file: str) -> str | None:
        """What a manage.py or wsgi.py gives as DJANGO_SETTINGS_MODULE."""
        for node in ast.walk(self._parsed(file)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "os.environ.setdefault" and len(node.args) > 1:
                name, value = (_text(each) for each in node.args[:2])
                if name == "DJANGO_SETTINGS_MODULE":
                    return value
        return None

    def _parsed(self, path: str) -> ast.Module:
        try:
            return ast.parse((self.project / path).read_bytes())
        except (OSError, SyntaxError, ValueError):
            return ast.Module(body=[], type_ignores=[])

    def _assigned(self, module: str, seen: set[str]) -> Iterator[tuple[str, str]]:
        path = self._file(module)
        if path is None or path in seen:
            return
        seen.add(path)
        for node in _statements(self._parsed(path).body):
            if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
                yield from self._assigned(absolute(node, module, package=path.endswith("/__init__.py")), seen)
            for name in _targets(node):
                yield name, f"{path}:{node.lineno}"

    def _file(self, module: str) -> str | None:
        base = PurePosixPath(self.root, *module.partition(":")[0].split("."))
        found = (str(path) for path in (base.with_name(f"{base.name}.py"), base / "__init__.py"))
        return next((path for path in found if path in self.paths), None)


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of a module in their order, with what stands under if, try and with."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        yield node
        for part in ("body", "handlers", "orelse", "finalbody"):
            below = getattr(node, part, [])
            for each in below if isinstance(below, list) else []:
                yield from _statements(each.body if isinstance(each, ast.ExceptHandler) else [each])


def _targets(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name) and target.id.isupper()]


def _reads(tree: ast.Module, path: str) -> Iterator[Read]:
    imported = {name.split(".")[0] for node in ast.walk(tree) for name in _imports(node)}
    declared = _declared(tree)
    for node, conditional in _nested(tree, conditional=False):
        found = _plain(node) or (_by_library(node) if imported & READERS else None)
        if found:
            name, required = found
            yield Read(name, f"{path}:{node.lineno}", required and not conditional and name not in declared)


def _nested(node: ast.AST, *, conditional: bool) -> Iterator[tuple[ast.expr, bool]]:
    """Every expression, and whether it stands under a condition that may never hold."""
    if isinstance(node, ast.expr):
        yield node, conditional
    below = conditional or isinstance(node, (ast.If, ast.IfExp, ast.Try, ast.BoolOp))
    for child in ast.iter_child_nodes(node):
        yield from _nested(child, conditional=below)


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def _plain(node: ast.AST) -> tuple[str, bool] | None:
    """os.environ["X"], os.environ.get("X"), os.getenv("X")."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) in ("os.environ", "environ"):
        name = _text(node.slice)
        return (name, True) if name and isinstance(node.ctx, ast.Load) else None
    if isinstance(node, ast.Call) and node.args:
        called = ast.unparse(node.func)
        if called in ("os.environ.get", "environ.get", "os.getenv", "getenv") and (name := _text(node.args[0])):
            return name, False
    return None


def _by_library(node: ast.AST) -> tuple[str, bool] | None:
    """env("X"), env.int("X"), env.db(), config("X")."""
    if not isinstance(node, ast.Call):
        return None
    function, _, kind = ast.unparse(node.func).partition(".")
    if function not in ("env", "config") or "." in kind or kind in ("read_env", "read_envfile", "prefixed"):
        return None
    name = _text(node.args[0]) if node.args else SPECIAL.get(kind)
    given = any(keyword.arg == "default" for keyword in node.keywords)
    return (name, not given) if name and name.isupper() else None


def _declared(tree: ast.Module) -> set[str]:
    """Names that environ.Env(NAME=(bool, False)) gives a default."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    envs = [call for call in calls if ast.unparse(call.func) in ("environ.Env", "Env", "environ.FileAwareEnv")]
    return {str(keyword.arg) for call in envs for keyword in call.keywords if isinstance(keyword.value, ast.Tuple)}


def _writes(tree: ast.Module) -> Iterator[int]:
    """open(BASE_DIR / ..., "w") and (BASE_DIR / ...).write_text(...)."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("write_text", "write_bytes", "mkdir"):
            target: ast.AST | None = node.func.value
        elif ast.unparse(node.func) == "open" and len(node.args) > 1 and set(_text(node.args[1]) or "") & set("wax+"):
            target = node.args[0]
        else:
            continue
        if target is not None and re.search(r"\b(BASE_DIR|__file__)\b", ast.unparse(target)):
            yield node.lineno


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
