"""What the project's Python files import, read and never run."""

import ast
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from release.build.tree import Tree

NOT_LIVE = {"tests", "test", "migrations", "docs", "node_modules"}


def imports_of(module: str, *, tree: Tree, root: str) -> list[str]:
    """Where a module is imported outside its own package: file:line."""
    base, found = PurePosixPath(root), []
    for path in sorted(tree.paths):
        file = PurePosixPath(path)
        if not is_live(path) or not file.is_relative_to(base):
            continue
        own = ".".join(file.relative_to(base).with_suffix("").parts).removesuffix(".__init__")
        package = module.rpartition(".")[0]
        if own == module or ("settings" in package and own.startswith(package)):
            continue
        found += [f"{path}:{line}" for line in lines(tree.project / path, own=own, module=module)]
    return found


def lines(file: Path, *, own: str, module: str) -> Iterator[int]:
    try:
        parsed = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    package = file.name == "__init__.py"
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import) and any(alias.name == module for alias in node.names):
            yield node.lineno
        elif isinstance(node, ast.ImportFrom):
            source = absolute(node, own, package=package)
            if source == module or any(f"{source}.{alias.name}" == module for alias in node.names):
                yield node.lineno


def absolute(node: ast.ImportFrom, module: str, *, package: bool) -> str:
    """The module an import in `module` names, dots resolved."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    kept = parts[: len(parts) - node.level + (1 if package else 0)]
    return ".".join([*kept, *(node.module or "").split(".")]).strip(".")


def is_live(path: str) -> bool:
    """Whether a Python file runs on a server."""
    parts = PurePosixPath(path).parts
    name = parts[-1]
    return name.endswith(".py") and not (NOT_LIVE & set(parts[:-1]) or name.startswith(("test_", "conftest", "tests")))
