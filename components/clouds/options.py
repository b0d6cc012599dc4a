"""Options of resources, as every cloud puts them together."""

from __future__ import annotations

import pulumi
from pulumi import CustomResource, Output, ResourceOptions


def merge(opts: ResourceOptions, **more: object) -> ResourceOptions:
    """The same options and some more, by the names `ResourceOptions` has for them."""
    return ResourceOptions.merge(opts, ResourceOptions(**more))  # type: ignore[arg-type]


def adoptable(opts: ResourceOptions) -> ResourceOptions:
    """An import at the command line has no parent to give."""
    return merge(opts, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)])


def after(value: Output[str], *made: CustomResource) -> Output[str]:
    """A value that is known once these are there, too."""
    return Output.all(value, *(each.id for each in made)).apply(lambda found: str(found[0]))
