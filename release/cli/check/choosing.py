"""Which settings module a project means, when nobody has said it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from release.cli.check.report import Report
from release.cli.check.source import Source

__all__ = ["choose"]


def choose(report: Report, source: Source, *, known: Sequence[str], asked: str | None) -> str:
    """The module and why it is this one; nothing, and a refusal, when none is likelier than the others."""
    modules = [module for module in known if source.sets(module, "INSTALLED_APPS", "ROOT_URLCONF")]
    modules += [configuration for module in known for configuration in source.configurations(module)]
    chosen, why = (asked, "as asked") if asked else _likeliest(source, modules)
    if not chosen:
        got = ", ".join(modules or known) or "none"
        text = f"should be a module of the project (got {got}), name it with --settings"
        report.refuse("settings", f"settings: {text}")
        return ""
    others = [module for module in modules if module != chosen]
    if others and not asked:
        report.note("settings", chosen, f"taken, {why}; others are {', '.join(others)}, choose with --settings")
    else:
        report.ok("settings", chosen, why)
    return chosen


def _likeliest(source: Source, modules: Sequence[str]) -> tuple[str, str]:
    production = [module for module in modules if "prod" in module.rpartition(".")[2].lower()]
    if len(production) == 1:
        return production[0], "it says production"
    files = sorted(path for path in source.paths if PurePosixPath(path).name in ("wsgi.py", "manage.py"))
    for file in sorted(files, key=lambda path: path.endswith("manage.py")):
        if (named := source.default_settings(file)) in modules:
            return str(named), f"{file} names it"
    return (modules[0], "the only one") if len(modules) == 1 else ("", "")
