"""What handlers are handed: `parts: Given[Parts]`, `who: Given[Identity]`. Litestar must not try to validate these."""

from typing import Annotated, TypeVar

from litestar.params import Dependency

T = TypeVar("T")
Given = Annotated[T, Dependency(skip_validation=True)]
