"""A training loop with a loss and accuracies for every level of the tree, saved and loaded again.

python examples/quickstart.py
"""

from pathlib import Path

import torch

import taxoloss

torch.manual_seed(0)
pets = {"levels": ["species", "breed"], "tree": {"cat": ["Bengal", "Siamese"], "dog": ["pug"]}}
tree = taxoloss.load(pets).bind(["pug", "Siamese", "Bengal"])  # the order of your model's outputs
breeds = torch.randint(3, (3000,))  # numbers in that order
features = torch.randn(3, 8)[breeds] + 1.5 * torch.randn(3000, 8)

model = torch.nn.Linear(8, 3)
adam = torch.optim.Adam(model.parameters(), lr=0.01)
loss = taxoloss.TaxonomyLoss(tree, {"species": 0.5, "breed": 0.5})
accuracy = taxoloss.metrics.LevelAccuracy(tree)
for epoch in range(1, 4):
    for rows in torch.randperm(2000).split(64):
        adam.zero_grad()
        loss(model(features[rows]), breeds[rows]).backward()
        adam.step()
    shares = accuracy(model(features[2000:]), breeds[2000:])
    print(f"epoch {epoch}", *(f"{level} {share:.3f}" for level, share in shares.items()), sep="  ")

out = Path("runs/quickstart")
out.mkdir(parents=True, exist_ok=True)
torch.save({"model": model.state_dict(), "taxoloss": tree.to_dict()}, out / "model.pt")

found = torch.load(out / "model.pt", weights_only=True)
again = taxoloss.load(pets).bind(["pug", "Siamese", "Bengal"])
again.check_state(found)  # refuses another tree, or another order of the classes
model = torch.nn.Linear(8, 3)
model.load_state_dict(found["model"])
shares = taxoloss.metrics.LevelAccuracy(again)(model(features[2000:]), breeds[2000:])
print("loaded ", *(f"{level} {share:.3f}" for level, share in shares.items()), sep="  ")
