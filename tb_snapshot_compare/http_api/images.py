"""`images`, `image` and `upload`: the probe images of a run."""

import base64
import binascii
from typing import Literal

import msgspec
from werkzeug.wrappers import Request, Response

from tb_snapshot_compare.errors import InvalidRequestError
from tb_snapshot_compare.http_api import contract_probing as contract
from tb_snapshot_compare.http_api.hiding import Hide
from tb_snapshot_compare.http_api.parameters import optional, required
from tb_snapshot_compare.http_api.respond import respond_bytes, respond_json
from tb_snapshot_compare.workspace import ADVICE, ProbeImages
from tb_snapshot_compare.workspace.probe_images import version

PNG = "image/png"


class ImageRoutes:
    """Answers at once: listing reads sizes only, and an image is decoded within its bounds."""

    def __init__(self, images: ProbeImages, hide: Hide) -> None:
        self._images = images
        self._hide = hide

    def images(self, request: Request) -> Response:
        """Every set of a run."""
        run = required(request, "run")
        sets = self._images.sets(run)
        return respond_json(
            contract.ImageSets(
                run=run,
                version=version(sets),
                sets=[self._wire(each) for each in sets],
                advice=ADVICE,
            )
        )

    def image(self, request: Request) -> Response:
        """One image as PNG; its id names its bytes, so that it may be cached for ever."""
        content = self._images.png(required(request, "image"), _size(request))
        return respond_bytes(content, PNG, immutable=True)

    def upload(self, request: Request) -> Response:
        """Adds an image; answers with all uploads of the run."""
        try:
            body = msgspec.json.decode(request.get_data(), type=contract.Upload)
            data = base64.b64decode(body.data, validate=True)
        except msgspec.MsgspecError as error:
            raise InvalidRequestError(
                f"The body must be {{'run': name, 'name': file, 'data': base64}}: {error}."
            ) from error
        except (binascii.Error, ValueError) as error:
            raise InvalidRequestError(f"'data' must be base64: {error}.") from error
        return respond_json(self._wire(self._images.upload(body.run, body.name, data)))

    def _wire(self, value: object) -> contract.ImageSet:
        wire = msgspec.convert(value, contract.ImageSet, from_attributes=True)
        if wire.problem is None:
            return wire
        return msgspec.structs.replace(wire, problem=self._hide(wire.problem))


def _size(request: Request) -> Literal["thumb", "full"]:
    size = optional(request, "size") or "thumb"
    if size not in ("thumb", "full"):
        raise InvalidRequestError(f"Parameter 'size' must be thumb or full, not {size!r}.")
    return "thumb" if size == "thumb" else "full"
