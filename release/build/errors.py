"""The one exception of a build."""

from release.build.credentials import bare


class BuildError(Exception):
    """A project that cannot become an artifact: `where: rule (got value), the way out`.

    `setting` names the key of the stack file that is to be corrected, where it is not a file of the project.
    """

    def __init__(self, text: str, *, setting: str | None = None) -> None:
        text = bare(text)  # a project's own lines may name an index with its password
        super().__init__(f"{setting}: {text}" if setting else text)
        self.text = text
        self.setting = setting
