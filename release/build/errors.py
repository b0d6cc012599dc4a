"""The one exception of a build."""


class BuildError(Exception):
    """A project that cannot become an artifact: `where: rule (got value), the way out`."""
