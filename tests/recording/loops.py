"""A training loop in plain NumPy: logistic regression behind a fixed hidden layer."""

from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray[Any, Any]]


class Network:
    """Two dense layers in a block; the weights are updated in place, as frameworks do."""

    def __init__(self, seed: int = 0, hidden: int = 12) -> None:
        random = np.random.default_rng(seed)
        self.weights: Arrays = {
            "block1/fc1/kernel": random.normal(size=(8, hidden)).astype(np.float32),
            "block1/fc1/bias": np.zeros(hidden, np.float32),
            "head/kernel": random.normal(size=(hidden, 3)).astype(np.float32),
        }
        self.moments: Arrays = {name: np.zeros_like(w) for name, w in self.weights.items()}
        self.images = random.normal(size=(60, 8)).astype(np.float32)
        self.labels = (self.images[:, :3]).argmax(axis=1)

    def probabilities(self) -> np.ndarray[Any, Any]:
        logits = self._hidden() @ self.weights["head/kernel"]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def _hidden(self) -> np.ndarray[Any, Any]:
        w = self.weights
        return np.maximum(self.images @ w["block1/fc1/kernel"] + w["block1/fc1/bias"], 0)

    def step(self, rate: float = 0.05) -> tuple[float, Arrays]:
        """The loss, and the gradients that were applied."""
        p, hidden = self.probabilities(), self._hidden()
        loss = float(-np.log(p[np.arange(60), self.labels] + 1e-9).mean())
        wrong = p.copy()
        wrong[np.arange(60), self.labels] -= 1
        back = (wrong @ self.weights["head/kernel"].T) * (hidden > 0) / 60
        gradients = {
            "block1/fc1/kernel": self.images.T @ back,
            "block1/fc1/bias": back.sum(axis=0),
            "head/kernel": hidden.T @ wrong / 60,
        }
        for name, gradient in gradients.items():
            self.moments[name] *= np.float32(0.9)
            self.moments[name] += gradient
            self.weights[name] -= np.float32(rate) * self.moments[name]
        return loss, gradients
