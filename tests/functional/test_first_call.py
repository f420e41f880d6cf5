"""torch.compile and torch.export of what nothing has called before, each in a new process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from first_calls import CAN_FORK, children

pytestmark = [
    pytest.mark.one_form("compiles and exports"),
    pytest.mark.skipif(not CAN_FORK, reason="this system has no fork"),
]

ROOT = Path(__file__).parents[2]

HEAD = """

rows = [(f"o{i // 60}", f"f{i // 6}", f"c{i}") for i in range(CLASSES)]
t = taxoloss.Taxonomy.from_paths(rows).bind()
generator = torch.Generator().manual_seed(0)
z, y = torch.randn(6, CLASSES, generator=generator, requires_grad=True), torch.tensor([0, 1, 2, 3, -100, 8])

class Step(nn.Module):
    def __init__(self, head, loss):
        super().__init__()
        self.head, self.loss = head, loss
    def forward(self, x, y):
        return self.loss(self.head(x), y)

def check(found, expected):
    torch.testing.assert_close(found, expected)
"""

COMPILE = """
compiled = torch.compile(taxoloss.TaxonomyLoss(t), fullgraph=True, backend="aot_eager")
value = compiled(z, y)
slope, = torch.autograd.grad(value, z)
wanted = taxoloss.TaxonomyLoss(t)(z, y)
check((value, slope), (wanted, torch.autograd.grad(wanted, z)[0]))
"""

EXPORT = """
batch = torch.export.Dim("batch", min=2, max=512)
step = Step(taxoloss.heads.ConditionalSoftmax(4, t), taxoloss.TaxonomyLoss(t))
nn.init.normal_(step.head.weight)
example, shapes = (torch.randn(6, 4), y), ({0: batch}, {0: batch})
exported = torch.export.export(step, example, dynamic_shapes=shapes, strict=STRICT).module()
for n in (2, 6, 33):
    x, target = torch.randn(n, 4), torch.arange(n) % CLASSES
    check(exported(x, target), step(x, target))
"""

FUNCTIONS = """
from taxoloss import decisions, functional

class Answers(nn.Module):
    def __init__(self):
        super().__init__()
        self.t = t  # torch 2.9 exports strictly what a module holds, and no tensors of globals
    def forward(self, z, y):
        t = self.t
        logs = functional.level_log_probs(z, t)
        loss = functional.taxonomy_cross_entropy(z, y, t, {"depth_1": 0.2, "depth_2": 0.3, "depth_3": 0.5})
        return loss, logs["depth_1"], decisions.climb(z, t, 0.5), decisions.hedge(z, t, 1.0)

z = z.detach()
if STRICT is None:
    found = torch.compile(Answers(), fullgraph=True, backend="aot_eager")(z, y)
else:
    found = torch.export.export(Answers(), (z, y), strict=STRICT).module()(z, y)
check(found, Answers()(z, y))
"""


OUTPUT = """
from functools import partial
from taxoloss import decisions

with torch.device("cpu"):
    truth = torch.arange(CLASSES).repeat(4)
    rows = 4.0 * torch.eye(CLASSES)[truth] + torch.randn(len(truth), CLASSES, generator=generator)
made = decisions.calibrate_threshold(rows, truth, t, risk=0.3, per="depth_1")
t = taxoloss.Taxonomy.from_dict(t.to_dict())  # for which nothing was made
output = taxoloss.heads.TaxonomyOutput(t, partial(decisions.climb, threshold=made))
z, batch = z.detach(), torch.export.Dim("batch", min=2, max=512)
if STRICT is None:
    found = torch.compile(output, fullgraph=True, backend="aot_eager")
else:
    found = torch.export.export(output, (z,), dynamic_shapes=({0: batch},), strict=STRICT).module()
for x in (z, rows[:9]):
    logs, answer = found(x)
    check((tuple(logs.values()), answer), (tuple(output(x)[0].values()), output(x)[1]))
"""


@pytest.fixture(scope="module")
def failure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """What a program in a new process fails with."""
    with children(tmp_path_factory.mktemp("programs") / "errors", ROOT) as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("classes", [12, 300])
@pytest.mark.parametrize("strict", [None, False, True], ids=["compile", "export", "strict export"])
@pytest.mark.parametrize("code", ["modules", "functions", "output"])
def test_the_first_call(
    failure: Callable[[str], str], code: str, strict: bool | None, classes: int
) -> None:
    """In one graph, with eager's numbers: by masks where there are few classes, by the closed form else."""
    modules = COMPILE if strict is None else EXPORT
    code = {"modules": modules, "functions": FUNCTIONS, "output": OUTPUT}[code]
    given = f"CLASSES, STRICT = {classes}, {strict}\n"
    assert failure(given + HEAD + code) == ""
