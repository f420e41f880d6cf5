"""What TrainingArguments may say that Trainer would do otherwise than it reads, without a word."""

from __future__ import annotations

from typing import Any

__all__ = ["check_arguments", "check_direction"]


def check_arguments(args: Any) -> None:
    """Refuses TrainingArguments that Trainer ignores, or computes wrongly, beside compute_loss_func.

    Args:
        args: transformers.TrainingArguments.

    Raises:
        ValueError: label_smoothing_factor, which Trainer then leaves out; label_names other than "labels";
            several GPUs in one process; average_tokens_across_devices=False with several processes.
    """
    smoothing = getattr(args, "label_smoothing_factor", 0.0)
    if smoothing:
        raise ValueError(
            f"expected label_smoothing_factor=0, got {smoothing}, which Trainer leaves out where "
            f"compute_loss_func is given: TaxonomyLoss(taxonomy, label_smoothing={smoothing}) smooths"
        )
    names = getattr(args, "label_names", None)
    if names is not None and list(names) != ["labels"]:
        raise ValueError(
            f"expected label_names=['labels'], got {list(names)}: Trainer gives compute_loss_func what is "
            "called labels, and nothing else"
        )
    if getattr(args, "n_gpu", 1) > 1:
        raise ValueError(many_gpus(args.n_gpu))
    averaged = getattr(args, "average_tokens_across_devices", True)
    if getattr(args, "world_size", 1) > 1 and not averaged:
        raise ValueError(
            f"expected average_tokens_across_devices=True with {args.world_size} processes, got "
            f"{averaged}: each process would divide by its own labels, as if all had as many"
        )


def many_gpus(count: int) -> str:
    """That one process has several GPUs."""
    return (
        f"expected one GPU a process, got {count}: under torch.nn.DataParallel Trainer makes a loss of "
        f"compute_loss_func {count} times too large; start it with torchrun, or set CUDA_VISIBLE_DEVICES=0"
    )


def check_direction(args: Any, higher: dict[str, bool | None]) -> None:
    """Refuses TrainingArguments under which Trainer would keep the worst model, or call no metric.

    Args:
        args: transformers.TrainingArguments.
        higher: of each score whether more is better; None: it has no best.

    Raises:
        ValueError: greater_is_better is not what metric_for_best_model is; prediction_loss_only is set.
    """
    if getattr(args, "prediction_loss_only", False):
        raise ValueError(
            "expected prediction_loss_only=False, got True: Trainer would not call compute_metrics"
        )
    name, greater = getattr(args, "metric_for_best_model", None), getattr(args, "greater_is_better", None)
    if name is None or greater is None:
        return
    known = [key for key in higher if name == key or name.endswith(f"_{key}")]
    if not known:
        return  # Trainer lists the scores at the first evaluation
    best = higher[max(known, key=len)]
    if best is not None and best != greater:
        raise ValueError(
            f"expected greater_is_better={best} for metric_for_best_model={name!r}, got {greater}: Trainer "
            "would keep the worst model (its default is True for all but losses)"
        )
