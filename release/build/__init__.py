"""From a Django project to an artifact: layers and a manifest, named by their content."""

from release.build.artifact import Artifact, load
from release.build.building import build
from release.build.errors import BuildError
from release.build.request import variables

__all__ = ["Artifact", "BuildError", "build", "load", "variables"]
