"""Stills cut to size."""

from __future__ import annotations

from io import BytesIO

FORMATS = ("PNG", "JPEG", "WEBP")


def cut_to(content: bytes, width: int, height: int, *, quality: int = 90) -> bytes:
    """A picture file scaled and cut around its middle to fill a size, as JPEG; what is transparent becomes black."""
    from PIL import Image, ImageOps

    with Image.open(BytesIO(content), formats=FORMATS) as image:
        image.draft("RGB", (width, height))
        shown = image.convert("RGBA") if image.has_transparency_data else image.convert("RGB")
    fitted = ImageOps.fit(shown, (width, height), Image.Resampling.LANCZOS)
    if fitted.mode == "RGBA":
        fitted = Image.alpha_composite(Image.new("RGBA", fitted.size, "black"), fitted).convert("RGB")
    written = BytesIO()
    fitted.save(written, "JPEG", quality=quality)
    return written.getvalue()
