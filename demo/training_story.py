"""Writes `training_story.md`: how the Training page finds what was planted in the recorded run.

`python -m demo.training_story` asks the routes that the page asks, takes the pictures from the
running page, and fills both into `training_story/template.md`. `make demo` must have been run.
"""

from __future__ import annotations

import argparse
import json
import string
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from demo.incident import Accidents
from demo.run import HERE, INCIDENT, DemoError, finished_settings
from demo.server import ServerError, TensorBoard

PAGE = HERE / "training_story.md"
FOLDER = HERE / "training_story"
_SECONDS = 120
_MOVED, _HIT = 6, 3


class Asker:
    """Asks the routes of one run's training."""

    def __init__(self, address: str, run: str) -> None:
        """Waits until the run is known and examined.

        Raises:
            DemoError: it is not, in time.
        """
        self._base = address.partition("#")[0] + "data/plugin/snapshot_compare/"
        self._run = run
        deadline = time.monotonic() + _SECONDS
        self.training: dict[str, Any] = {}
        while not self.training.get("examined"):
            if time.monotonic() > deadline:
                raise DemoError(f"TensorBoard does not tell of the run {run!r}")
            time.sleep(0.3)
            try:
                self.training = json.loads(self._get("training", run=run))
            except urllib.error.HTTPError:
                continue

    def names(self) -> dict[str, str]:
        """What snapshots are called, by id."""
        runs = json.loads(self._get("snapshots"))["runs"]
        return {each["id"]: each["name"] for run in runs for each in run["snapshots"]}

    def json(self, route: str, **parameters: Any) -> Any:
        """The answer of a route that answers with text."""
        return json.loads(self._get(route, run=self._run, v=self._version, **parameters))

    def arrays(self, route: str, **parameters: Any) -> dict[str, np.ndarray[Any, Any]]:
        """The arrays of a route that answers with some."""
        body = self._get(route, run=self._run, v=self._version, **parameters)
        size = int.from_bytes(body[:8], "little")
        header = json.loads(body[8 : 8 + size])
        kinds = {"F32": "<f4", "I32": "<i4", "F16": "<f2", "F64": "<f8"}
        found = {}
        for name, entry in header.items():
            if name != "__metadata__":
                start, stop = (8 + size + offset for offset in entry["data_offsets"])
                values = np.frombuffer(body[start:stop], kinds[entry["dtype"]])
                found[name] = values.reshape(entry["shape"])
        return found

    @property
    def _version(self) -> str:
        return str(self.training["version"])

    def _get(self, route: str, **parameters: Any) -> bytes:
        url = f"{self._base}{route}?{urllib.parse.urlencode(parameters)}"
        while True:
            with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
                body: bytes = answer.read()
                if answer.status == 200:
                    return body
            time.sleep(0.1)


def gather(asker: Asker, run: Path, accidents: Accidents) -> dict[str, str]:
    """Every value of the template.

    Raises:
        DemoError: a planted accident was not found.
    """
    training = asker.training
    log = run / "snapshot_log"
    size = sum(path.stat().st_size for path in log.rglob("*") if path.is_file())
    findings = training["findings"]
    return {
        "note": training["note"],
        "log_mb": f"{size / 1e6:.1f}",
        "snapshots": str(len(training["snapshots"])),
        "dumps": str(len(training["dumps"])),
        "findings": "\n".join(f"- {found['text']}" for found in findings),
        **_rate(asker, accidents),
        **_labels(asker, accidents),
        **_frozen(asker, accidents),
    }


def _spike(training: dict[str, Any], steps: range) -> int:
    """The first step of the loss's spike that began at or soon after some steps."""
    for found in training["findings"]:
        near = found["steps"] and steps.start <= found["steps"][0] <= steps.stop + 8
        if found["id"].startswith("spike:loss") and near:
            return int(found["steps"][0])
    raise DemoError(f"The loss's rise at steps {steps.start} to {steps.stop - 1} was not found")


def _rate(asker: Asker, accidents: Accidents) -> dict[str, str]:
    training = asker.training
    step = _spike(training, accidents.rate)
    moved = asker.json("training_forensics", step=step)["series"][:_MOVED]
    rows = [
        f"| {each['unit'] or 'all layers'} | {each['quantity']} | {each['onset']} | "
        f"{min(each['deviation'], 9999):,.0f} |"
        for each in moved
    ]
    passes = np.array(training["passes"])
    before, after = _around(passes, accidents.rate)
    classes = asker.arrays("training_classes")
    rise = classes["error"][:, after] - classes["error"][:, before]
    hardest = np.argsort(-rise, kind="stable")[:_HIT]
    top = asker.json("training_top", steps=int(passes[after]))["filters"]
    layers = list(dict.fromkeys(each["layer"] for each in top))
    names = asker.names()
    a, b = (names[each] for each in _around_in(training, int(passes[before]), int(passes[after])))
    return {
        "rate_step": str(step),
        "moved": "\n".join(rows),
        "before": str(passes[before]),
        "after": str(passes[after]),
        "error_before": _percent(classes["model_error"][before]),
        "error_after": _percent(classes["model_error"][after]),
        "hit": _joined(
            f"{training['classes'][k]} (+{100 * rise[k]:.0f} %)" for k in hardest.tolist()
        ),
        "top_layers": _joined(f"`{name}`" for name in layers),
        "snapshot_a": a,
        "snapshot_b": b,
    }


def _labels(asker: Asker, accidents: Accidents) -> dict[str, str]:
    training = asker.training
    step = _spike(training, accidents.labels)
    curves = asker.json("training_curves")["curves"]
    (loss,) = (one for one in curves if one["tag"] == "loss" and one["axis"] == "step")
    by_step = dict(zip(loss["x"], loss["y"], strict=True))
    highest = max(by_step.get(float(each)) or 0.0 for each in accidents.labels)
    error = asker.arrays("training_classes")["model_error"]
    before, after = _around(np.array(training["passes"]), accidents.labels)
    return {
        "labels_step": str(step),
        "labels_loss": f"{highest:.1f}",
        "labels_before": _percent(error[before]),
        "labels_after": _percent(error[after]),
    }


def _frozen(asker: Asker, accidents: Accidents) -> dict[str, str]:
    named = [f for f in asker.training["findings"] if f["kind"] == "never_trained"]
    if not any(accidents.frozen in found["units"] for found in named):
        raise DemoError(f"The page does not say that {accidents.frozen} never trained")
    (unit,) = (u for u in asker.training["units"] if u["path"] == accidents.frozen)
    return {"frozen_count": f"{unit['parameters']:,}"}


def _around(passes: np.ndarray[Any, Any], steps: range) -> tuple[int, int]:
    """The last pass before some steps, and the first one after them."""
    return (
        int(np.searchsorted(passes, steps.start) - 1),
        int(np.searchsorted(passes, steps.stop - 1)),
    )


def _around_in(training: dict[str, Any], before: int, after: int) -> tuple[str, str]:
    """The ids of the snapshots that stand around an accident."""
    placed = sorted((each["step"], each["id"]) for each in training["snapshots"])
    first = [name for step, name in placed if step <= before]
    second = [name for step, name in placed if step >= after]
    if not first or not second:
        raise DemoError(f"No snapshots were written around steps {before} to {after}")
    return first[-1], second[0]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _joined(words: Any) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else str(last)


def tell(logdir: Path, pictures: bool) -> None:
    """Gathers the numbers, takes the pictures, writes the page.

    Raises:
        DemoError: the demonstration has not been run, or something was not found.
        ServerError: TensorBoard did not start.
    """
    run = logdir / INCIDENT
    if finished_settings(run) is None:
        raise DemoError(f"{logdir} holds no finished run {INCIDENT!r}; run `make demo` first")
    with TensorBoard(logdir, 0) as server:
        print("Asking the page's routes ...", flush=True)
        values = gather(Asker(server.address, INCIDENT), run, Accidents())
        if pictures:
            from demo.training_story_pictures import photograph

            print("Taking pictures of the page ...", flush=True)
            photograph(server.address, INCIDENT, int(values["rate_step"]), FOLDER)
    template = string.Template((FOLDER / "template.md").read_text(encoding="utf-8"))
    PAGE.write_text(template.substitute(values), encoding="utf-8")
    print(f"Written: {PAGE}")


def main(arguments: list[str] | None = None) -> int:
    """Writes the story; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m demo.training_story", description=main.__doc__)
    parser.add_argument("--logdir", type=Path, default=HERE / "logs", help="default: demo/logs")
    parser.add_argument("--no-pictures", action="store_true", help="numbers and text only")
    options = parser.parse_args(arguments)
    try:
        tell(options.logdir.expanduser().resolve(), not options.no_pictures)
    except (DemoError, ServerError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
