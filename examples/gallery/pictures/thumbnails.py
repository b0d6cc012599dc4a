"""The small copy of a picture."""

from io import BytesIO

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from PIL import Image, ImageOps

SIZE = (720, 720)


def thumbnail(picture: UploadedFile) -> ContentFile:
    """A WebP of at most 720 pixels a side, turned the way the camera was held."""
    picture.seek(0)
    with Image.open(picture) as image:
        small = ImageOps.exif_transpose(image)
        small.thumbnail(SIZE)
        content = BytesIO()
        small.convert("RGBA" if small.has_transparency_data else "RGB").save(content, "WEBP", quality=82)
    picture.seek(0)
    return ContentFile(content.getvalue(), name="thumbnail.webp")
