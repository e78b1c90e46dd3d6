"""Pictures of the rendered site in 256 colours: a chart has fewer, and half of the bytes remain."""

import base64
import json
from io import BytesIO
from pathlib import Path

from PIL import Image


def small(png: bytes) -> bytes:
    """The same picture with a palette, or as it was where that is no smaller."""
    picture = Image.open(BytesIO(png)).convert("RGBA")
    out = BytesIO()
    picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    return min(out.getvalue(), png, key=len)


def make_small(site: Path) -> None:
    """Pictures of pages, and those that downloaded notebooks hold."""
    for file in sorted((site / "_images").glob("*.png")):
        file.write_bytes(small(file.read_bytes()))
    for file in sorted((site / "_sources").rglob("*.ipynb")):
        text = file.read_text("utf-8")
        notebook = json.loads(text)
        for cell in notebook["cells"]:
            for output in cell.get("outputs", []):
                png = output.get("data", {}).get("image/png")
                if png:
                    encoded = "".join(png) if isinstance(png, list) else png
                    shrunk = base64.b64encode(small(base64.b64decode(encoded))).decode()
                    output["data"]["image/png"] = shrunk
        file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")
