"""The compiled kernel (csrc/module.c); absent where the package was installed without a C compiler."""

from typing import Any

from numpy.typing import NDArray

def paths() -> list[str]: ...
def run(
    path: str,
    dim: int,
    threads: int,
    rows: NDArray[Any],
    offsets: NDArray[Any],
    scales: NDArray[Any],
    which: NDArray[Any] | None,
    query: NDArray[Any],
    factors: NDArray[Any],
    scores: NDArray[Any] | None,
    best: NDArray[Any] | None,
    best_rows: NDArray[Any] | None,
    /,
) -> None: ...
