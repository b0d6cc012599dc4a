"""The form on the front page."""

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import FileExtensionValidator
from django.template.defaultfilters import filesizeformat

from .models import Picture
from .thumbnails import thumbnail

FORMATS = {"JPEG", "PNG", "WEBP", "GIF"}
EXTENSIONS = ("jpg", "jpeg", "png", "webp", "gif")
LARGEST = 10 * 1024 * 1024
MOST_PIXELS = 50_000_000


class PictureForm(forms.ModelForm):
    """A title and a file that really is a picture of a size worth showing."""

    image = forms.ImageField(
        validators=[FileExtensionValidator(EXTENSIONS)],
        widget=forms.FileInput(attrs={"accept": ",".join(f".{name}" for name in EXTENSIONS)}),
    )

    class Meta:
        model = Picture
        fields = ("title", "image")
        widgets = {"title": forms.TextInput(attrs={"placeholder": "What is in it?", "autocomplete": "off"})}

    def clean_image(self) -> UploadedFile:
        file = self.cleaned_data["image"]
        if "image" not in self.changed_data:
            return file
        if file.size > LARGEST:
            raise ValidationError(f"The picture is {filesizeformat(file.size)}, at most {filesizeformat(LARGEST)} fit.")
        if file.image.format not in FORMATS:
            raise ValidationError("Only JPEG, PNG, WebP and GIF pictures are shown here.")
        if file.image.width * file.image.height > MOST_PIXELS:
            raise ValidationError("The picture has too many pixels, 50 million fit.")
        return file

    def save(self, commit: bool = True) -> Picture:
        if "image" in self.changed_data:
            self.instance.thumbnail = thumbnail(self.cleaned_data["image"])
        return super().save(commit)
