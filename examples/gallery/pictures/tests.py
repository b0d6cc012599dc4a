"""What the gallery promises its visitors."""

from io import BytesIO, StringIO
from unittest import mock

from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.http import HttpResponse
from django.test import TestCase, override_settings
from django.urls import reverse
from PIL import Image

from . import forms
from .models import Picture, Tally

IN_MEMORY = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


def picture(name: str = "boat.png", *, size: tuple[int, int] = (1600, 900), **options: object) -> SimpleUploadedFile:
    content = BytesIO()
    Image.new(str(options.pop("mode", "RGB")), size, "teal").save(content, **{"format": "PNG", **options})
    return SimpleUploadedFile(name, content.getvalue())


@override_settings(STORAGES=IN_MEMORY)
class GalleryTest(TestCase):
    def add(self, image: SimpleUploadedFile, *, title: str = "Boat") -> HttpResponse:
        return self.client.post(reverse("home"), {"title": title, "image": image}, follow=True)

    def assert_refused(self, image: SimpleUploadedFile, reason: str) -> None:
        self.assertContains(self.add(image), reason)
        self.assertEqual(Picture.objects.count(), 0)


class UploadTest(GalleryTest):
    def test_an_added_picture_is_on_the_front_page(self) -> None:
        page = self.add(picture())
        added = Picture.objects.get()
        self.assertRedirects(page, reverse("home"))
        self.assertContains(page, "“Boat” is on the wall.")
        self.assertContains(page, f'src="{added.thumbnail.url}"')

    def test_it_has_a_page_that_shows_it_whole(self) -> None:
        self.add(picture())
        added = Picture.objects.get()
        self.assertContains(self.client.get(added.get_absolute_url()), f'src="{added.image.url}"')
        self.assertEqual((added.width, added.height), (1600, 900))

    def test_the_thumbnail_is_small(self) -> None:
        self.add(picture())
        with Image.open(Picture.objects.get().thumbnail) as thumbnail:
            self.assertEqual((thumbnail.format, thumbnail.size), ("WEBP", (720, 405)))

    def test_the_thumbnail_stands_as_the_camera_was_held(self) -> None:
        exif = Image.Exif()
        exif[0x0112] = 6  # orientation: turn by 90 degrees
        self.add(picture("boat.jpg", format="JPEG", exif=exif))
        with Image.open(Picture.objects.get().thumbnail) as thumbnail:
            self.assertEqual(thumbnail.size, (405, 720))

    def test_modes_that_webp_does_not_know(self) -> None:
        for mode, kind in (("P", "GIF"), ("LA", "PNG"), ("CMYK", "JPEG"), ("1", "PNG")):
            with self.subTest(mode):
                name = f"boat.{kind.lower()}"
                self.assertContains(self.add(picture(name, mode="L" if mode == "1" else mode, format=kind)), "is on")

    def test_stored_names_tell_nothing(self) -> None:
        self.add(picture("My Secret Name.PNG"))
        self.assertRegex(Picture.objects.get().image.name, r"^pictures/[0-9a-f]{32}\.png$")


class RefusalTest(GalleryTest):
    def test_something_that_is_no_picture(self) -> None:
        self.assert_refused(SimpleUploadedFile("boat.png", b"<svg onload=alert(1)>"), "Upload a valid image")

    def test_a_kind_browsers_do_not_show(self) -> None:
        self.assert_refused(picture("boat.png", format="TIFF"), "Only JPEG, PNG, WebP and GIF")

    def test_a_wrong_extension(self) -> None:
        self.assert_refused(picture("boat.html"), "File extension")

    def test_too_many_bytes(self) -> None:
        with mock.patch.object(forms, "LARGEST", 1000):
            self.assert_refused(picture(), "at most 1000")

    def test_too_many_pixels(self) -> None:
        with mock.patch.object(forms, "MOST_PIXELS", 1000):
            self.assert_refused(picture(), "too many pixels")

    def test_a_missing_title(self) -> None:
        self.assertContains(self.client.post(reverse("home"), {"image": picture()}), "This field is required.")


class HomeTest(GalleryTest):
    def test_an_empty_wall(self) -> None:
        self.assertContains(self.client.get(reverse("home")), "still empty")

    def test_pages(self) -> None:
        Picture.objects.bulk_create(
            Picture(title=f"no {n}", image="a.png", thumbnail="a.webp", width=1, height=1) for n in range(30)
        )
        self.assertContains(self.client.get("/?page=2"), "2 of 2")
        self.assertContains(self.client.get("/?page=nonsense"), "1 of 2")

    def test_the_edition_a_release_changes(self) -> None:
        self.assertContains(self.client.get(reverse("home")), '<span id="edition">Edition ')


class TallyTest(GalleryTest):
    def test_tally_counts_and_the_page_says_so(self) -> None:
        self.add(picture())
        output = StringIO()
        call_command("tally", stdout=output)
        self.assertEqual(output.getvalue(), "pictures on the wall: 1\n")
        self.assertContains(self.client.get(reverse("home")), "1 when last counted")

    def test_tally_goes_on(self) -> None:
        with mock.patch("time.sleep", side_effect=[None, KeyboardInterrupt]), self.assertRaises(KeyboardInterrupt):
            call_command("tally", every=5.0, stdout=StringIO())
        self.assertEqual(Tally.objects.count(), 2)


class AdminTest(GalleryTest):
    def setUp(self) -> None:
        self.client.force_login(User.objects.create_superuser("owner"))

    def test_the_list_shows_the_pictures(self) -> None:
        self.add(picture())
        self.assertContains(self.client.get("/admin/pictures/picture/"), Picture.objects.get().thumbnail.url)

    def test_a_new_title_keeps_the_picture(self) -> None:
        self.add(picture())
        before = Picture.objects.get()
        self.client.post(f"/admin/pictures/picture/{before.pk}/change/", {"title": "Ship"})
        after = Picture.objects.get()
        self.assertEqual((after.title, after.image, after.thumbnail), ("Ship", before.image, before.thumbnail))

    def test_tallies_are_only_read(self) -> None:
        self.assertEqual(self.client.get("/admin/pictures/tally/add/").status_code, 403)
