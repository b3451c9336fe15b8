"""An observation that is only rendered when somebody looks at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from torch import Tensor


class LazyObservation(Mapping[str, Tensor]):
    """A read-only observation; ``render`` runs at the first access and its result is kept."""

    def __init__(self, render: Callable[[], dict[str, Tensor]]) -> None:
        self._render: Callable[[], dict[str, Tensor]] | None = render
        self._fields: dict[str, Tensor] = {}

    def _rendered(self) -> dict[str, Tensor]:
        if self._render is not None:
            self._fields, self._render = self._render(), None
        return self._fields

    def __getitem__(self, name: str) -> Tensor:
        return self._rendered()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rendered())

    def __len__(self) -> int:
        return len(self._rendered())
