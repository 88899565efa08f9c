"""Running a model over many inputs: the next batch is made while the model runs, and a batch too large is halved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ..errors import PageTooLarge
from .visual_loading import free_cache, is_out_of_memory

Item = TypeVar("Item")
Made = TypeVar("Made")
Result = TypeVar("Result")


class Batches:
    """Batches of at most `limit`, which falls when memory ran out and stays there."""

    def __init__(self, limit: int) -> None:
        self.limit = max(1, limit)

    def run(
        self,
        items: Sequence[Item],
        sizes: Sequence[int],
        make: Callable[[list[Item]], Made],
        run: Callable[[Made], list[Result]],
    ) -> list[Result]:
        """One result an item, in order. Items of like size share a batch, the largest first.

        `make` runs in a thread of its own, one batch ahead of `run`. Raises `PageTooLarge` when not even a single item
        finds room.
        """
        results: dict[int, Result] = {}
        # The largest first: when memory is short it shows at once, not in the middle of a document.
        waiting = sorted(range(len(items)), key=lambda i: (-sizes[i], i))
        with ThreadPoolExecutor(1, thread_name_prefix="pagesight-prepare") as thread:

            def start() -> tuple[list[int], Future[Made]] | None:
                if not waiting:
                    return None
                count = min(self.limit, len(waiting))
                chosen = waiting[:count]
                del waiting[:count]
                return chosen, thread.submit(make, [items[i] for i in chosen])

            ahead = start()
            while ahead:
                chosen, future = ahead
                found = short = None
                try:
                    made = future.result()
                    ahead = start()
                    found = run(made)
                except (RuntimeError, MemoryError) as error:
                    if not is_out_of_memory(error):
                        raise
                    short = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
                made = None  # the tensors of a batch that found no room are in the way of a smaller one
                if found is not None:
                    results.update(zip(chosen, found, strict=True))
                    continue
                if len(chosen) == 1:
                    raise PageTooLarge(
                        f"There is no memory to encode a page alone ({short}); lower PAGESIGHT_VISUAL_MAX_PIXELS, "
                        "choose a smaller model, or free memory on the device."
                    )
                # What was being made ahead is as large: both go back and are cut anew.
                waiting[:0] = chosen + (ahead[0] if ahead and ahead[0] is not chosen else [])
                self.limit = (len(chosen) + 1) // 2
                free_cache()
                ahead = start()
        return [results[i] for i in range(len(items))]
