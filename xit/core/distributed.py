"""The processes that train one model together: as many as accelerate or torchrun has started, or this one alone.

All of them run the same code on the same files. The first, the main process, writes and speaks; the others compute.
Importing this module imports no torch.
"""

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from accelerate import PartialState

Value = TypeVar("Value")


def count() -> int:
    """How many there are."""
    return int(_state().num_processes)


def is_main() -> bool:
    """Whether this is the one that writes."""
    return bool(_state().is_main_process)


def wait() -> None:
    """Return when every process has come here."""
    _state().wait_for_everyone()


def same(value: Value) -> Value:
    """The main process's value, in all of them."""
    from accelerate.utils import broadcast_object_list

    found: list[Value] = broadcast_object_list([value])
    return found[0]


def mean(value: float) -> float:
    """The mean of a number over processes, in float64."""
    if count() == 1:
        return value
    import torch
    from accelerate.utils import reduce

    return float(reduce(torch.tensor(value, dtype=torch.float64, device=_state().device), "mean"))


def passes(micro_batches: int) -> int:
    """The forward passes of a step: the smallest multiple of the processes that is no less than the micro-batches."""
    return -(-micro_batches // count()) * count()


def end() -> None:
    """Leave the other processes, at the end of everything."""
    if count() > 1:
        _state().destroy_process_group()


def _state() -> "PartialState":
    """Accelerate's own, which joins the other processes the first time."""
    from accelerate import PartialState
    from accelerate.utils import parse_flag_from_env

    return PartialState(cpu=parse_flag_from_env("ACCELERATE_USE_CPU"))
