"""What labels of mixed depth are worth, on texts of ICD-10-CM.

1,133 categories below 251 blocks below 21 chapters; the texts are those of the package
simple-icd-10-cm. It is not medical software, and neither is this. Of ten training texts one carries
its category; of the rest half carry only their block, half only their chapter. Cross-entropy must
throw nine in ten away. A net with one head a level, and the taxonomy loss, learn from all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from corpus import Corpus, load_corpus
from decision_table import decision_table
from page import write_page
from report import (
    BANDS,
    NOTES,
    Results,
    claim,
    csv_text,
    outside,
    picture,
    table,
    verdict,
)
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from trial import FULL, PARTIAL, Arm, Kept, Score, Trial

from taxoloss import Taxonomy
from taxoloss.cli.inspection.summary import render_summary
from taxoloss.cli.shared import stdout_console
from taxoloss.sweep import SweepError
from taxoloss.sweep.columns import mean_accuracy
from taxoloss.taxonomy.file.atomic import write_whole
from taxoloss.taxonomy.summary import summarize

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
STEPS = 240  # with these the bands and the README's numbers were measured

NEXT = """\
Wrote {csv} (a row an arm and seed), {picture}, and {page}, to be opened
in a browser: what the taxonomy loss answers to the texts of seed 0, right, nearly right and wrong. It is
made by
  {command}
Next: {other}
Your own classes: write a file like taxonomies/pets.yaml, look at it with
`taxoloss inspect FILE`, and say taxoloss.load("FILE").bind(CLASS_NAMES)."""


class Labels(str, Enum):
    """How many training texts in a hundred carry their category."""

    tenth = "10"
    all = "100"


class Study(str, Enum):
    """What is swept; see sweeps.py."""

    weights = "weights"
    triangle = "triangle"
    arms = "arms"
    sgd = "sgd"
    partial = "partial"
    partial_sgd = "partial-sgd"
    few = "few"
    noise = "noise"


class Engine(str, Enum):
    """Where cells are trained."""

    inline = "inline"
    processes = "processes"
    ray = "ray"


def need(*packages: str) -> None:
    """Stop at once, in words, where a package is not installed."""
    if missing := [name for name in packages if find_spec(name) is None]:
        typer.echo(f'not installed: {", ".join(missing)}; pip install ".[examples]"', err=True)
        raise typer.Exit(1)


def inspect(tree: Taxonomy) -> None:
    """What `taxoloss inspect` prints."""
    stdout_console().print(render_summary(tree, summarize(tree)))


def describe(corpus: Corpus) -> str:
    """The size of the data, and whether it is what the numbers were measured on."""
    size = f"\n{len(corpus.texts):,} texts in {len(corpus.tree):,} categories. Not medical software."
    if not corpus.differences:
        return f"{size} Counts and hash are those of simple-icd-10-cm 1.5.0.\n"
    found = "; ".join(corpus.differences)
    return f"{size}\nThese are not the texts of the README's numbers: {found}. The run goes on.\n"


def train(
    corpus: Corpus, arms: Sequence[Arm], percent: int, seeds: int, steps: int
) -> tuple[list[Score], list[Kept]]:
    """Every arm of every seed, with a progress bar on standard error."""
    scores: list[Score] = []
    kept: list[Kept] = []
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=seeds * len(arms) * steps)
        for seed in range(seeds):
            trial = Trial(corpus, percent, seed, steps)
            for arm in arms:
                progress.update(bar, description=f"seed {seed}, {arm.name}")
                scores += trial.run(arm, partial(progress.advance, bar))
            kept += trial.kept
        progress.update(bar, description="trained")
    return scores, kept


def report(results: Results, answers: tuple[Table, str], out: Path, labels: Labels, command: str) -> None:
    """Print the table and what it says, write the files, and say what to do next."""
    console = stdout_console()
    console.print(table(results))
    words: list[Table | str] = [NOTES.format(seeds=results.seeds), claim(results)]
    other = "`--labels 10` (the default), where most labels are coarse."
    if labels is Labels.tenth:
        words.append(verdict(results))
        other = "`--labels 100`, where every text has its category."
    csv, png = out / "results.csv", out / "results.png"
    write_whole(csv, csv_text(results))
    write_whole(png, picture(results))
    words += answers
    words.append(NEXT.format(csv=csv, picture=png, page=out / "report.html", command=command, other=other))
    console.print(*words, sep="\n\n", soft_wrap=True)


def judge(results: Results) -> None:
    """Exit with 1 where a gain is smaller than any seed has shown."""
    if outside(results, [band for band in BANDS if band.required]):
        raise typer.Exit(1)


@app.callback(help=__doc__, invoke_without_command=True)
def main(
    context: typer.Context,
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions, each on another split.")] = 3,
    labels: Annotated[Labels, typer.Option(help="Per cent of texts with a category.")] = Labels.tenth,
    out: Annotated[Path, typer.Option(help="Folder of results.csv, results.png and report.html.")] = Path(
        "runs/icd10cm"
    ),
    steps: Annotated[int, typer.Option(min=1, help="Of 512 texts, for every net.")] = STEPS,
    check: Annotated[bool, typer.Option("--check", help="Exit 1 if the gains are too small.")] = False,
) -> None:
    if context.invoked_subcommand is not None:
        return
    if check and labels is Labels.all:
        raise typer.BadParameter("there are bands for --labels 10 only", param_hint="--check")
    need("simple_icd_10_cm", "matplotlib", "scipy", "jinja2")
    out.mkdir(parents=True, exist_ok=True)
    corpus = load_corpus()
    inspect(corpus.tree)
    typer.echo(describe(corpus))
    arms = PARTIAL if labels is Labels.tenth else FULL
    scores, kept = train(corpus, arms, int(labels.value), seeds, steps)
    results = Results(arms, scores)
    command = write_page(kept, corpus.tree, out)
    report(results, decision_table(kept, corpus.tree), out, labels, command)
    if check:
        judge(results)


@app.command("sweep")
def weight_sweep(
    study: Annotated[Study, typer.Argument(help="What is swept.")] = Study.weights,
    seeds: Annotated[int, typer.Option(min=1, help="Repetitions, each on another split.")] = 5,
    out: Annotated[Path | None, typer.Option(help="Default: runs/icd10cm-STUDY.")] = None,
    steps: Annotated[int, typer.Option(min=3, help="Of 512 texts, for every net.")] = STEPS,
    engine: Annotated[Engine, typer.Option(help="Where cells are trained.")] = Engine.processes,
    workers: Annotated[int | None, typer.Option(min=1, help="Cells at once.")] = None,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster.")] = None,
) -> None:
    """Sweep level weights, arms or kinds of labels; stop and go on whenever you like.

    Example: python examples/icd10cm/icd10cm.py sweep weights --seeds 5
    """
    need("simple_icd_10_cm")
    import sweeps

    folder = out or Path(f"runs/icd10cm-{study.value}")
    cells = sweeps.STUDIES[study.value](seeds)
    try:
        results = sweeps.run(cells, folder, steps, engine.value, workers, address)
    except (SweepError, ModuleNotFoundError, ConnectionError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{results.csv}: {len(results.rows):,} rows. Next: taxoloss plot {folder}")
    raise typer.Exit(1 if results.failures else 0)


@app.command("search")
def weight_search(
    trials: Annotated[int, typer.Option(min=1, help="Finished and pruned ones together.")] = 30,
    out: Annotated[Path, typer.Option(help="Of the cells.")] = Path("runs/icd10cm-search"),
    steps: Annotated[int, typer.Option(min=3, help="Of 512 texts, for every net.")] = STEPS,
    labels: Annotated[Labels, typer.Option(help="Per cent of texts with a category.")] = Labels.tenth,
    storage: Annotated[
        str | None,
        typer.Option(help="Of Optuna: a database's URL or journal:PATH; else SQLite in --out."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the study.")] = None,
) -> None:
    """Let Optuna choose weights and learning rate; the same call goes on, also in several processes."""
    need("simple_icd_10_cm", "optuna")
    import sweeps

    try:
        results = sweeps.search(trials, out, steps, int(labels.value), storage, name)
    except SweepError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    kept = (sweeps.LOOKS, "marginal")
    last = [row for row in results.rows if (row["epochs"], row["reading"]) == kept]
    if not last:
        typer.echo("error: every trial failed; --out has the tracebacks", err=True)
        raise typer.Exit(1)
    best = max(last, key=mean_accuracy)
    typer.echo(f"best mean accuracy {mean_accuracy(best):.4f}: {best['weights']}, rate {best['lr']:.3g}")
    raise typer.Exit(1 if results.failures else 0)


if __name__ == "__main__":
    app()
