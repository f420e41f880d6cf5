"""A checkpoint that knows the order of its classes: saved, loaded, refused, moved by names.

python examples/integrations/checkpoints.py
"""

from pathlib import Path

import torch

import taxoloss

torch.manual_seed(0)
pets = taxoloss.load(
    {"levels": ["species", "breed"], "tree": {"cat": ["Bengal", "Siamese"], "dog": ["beagle", "pug"]}}
)
old = pets.bind(["pug", "Siamese", "Bengal", "beagle"])  # the order of the model's outputs
breeds = torch.randint(4, (3000,))
features = torch.randn(4, 8)[breeds] + 1.5 * torch.randn(3000, 8)


def network(tree: taxoloss.Taxonomy) -> torch.nn.Module:
    """A body and a head that knows its tree."""
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), taxoloss.heads.PathSum(16, tree))


def answers(model: torch.nn.Module, tree: taxoloss.Taxonomy, threshold: float = 0.0) -> list[str]:
    """What is answered to ten rows, by name."""
    with torch.no_grad():
        nodes = taxoloss.decisions.climb(model(features[-10:]), tree, threshold)
    assert isinstance(nodes, torch.Tensor)
    return ["/".join(tree.path(node)) or "?" for node in nodes.tolist()]


model = network(old)
adam = torch.optim.Adam(model.parameters(), lr=0.01)
loss = taxoloss.TaxonomyLoss(old, {"species": 0.5, "breed": 0.5})
for rows in torch.randperm(2000).split(64):
    adam.zero_grad()
    loss(model(features[rows]), breeds[rows]).backward()
    adam.step()

path = Path("runs/checkpoints/pets.safetensors")
path.parent.mkdir(parents=True, exist_ok=True)
taxoloss.save(path, model, old, threshold=0.6)
print("saved   ", *answers(model, old, 0.6))

# The tree can be had first, and a model made with it.
found = taxoloss.load_checkpoint(path, None)
again = network(found.taxonomy)
found = taxoloss.load_checkpoint(path, again)
print("loaded  ", *answers(again, found.taxonomy, 0.6))

# Another loader lists the classes by name.
new = pets.bind(sorted(pets.classes))
moved = network(new)
try:
    taxoloss.load_checkpoint(path, moved)
except ValueError as error:
    print("refused:", error)
found = taxoloss.load_checkpoint(path, moved, reorder=True)
print("moved   ", *answers(moved, found.taxonomy, 0.6))

# With a plain state_dict: the tree beside the weights, and one question before they are loaded.
torch.save({"model": model.state_dict(), "taxoloss": old.to_dict()}, path.with_suffix(".pt"))
state = torch.load(path.with_suffix(".pt"), weights_only=True)
old.check_state(state)
try:
    new.check_state(state)
except ValueError as error:
    print("refused:", error)
