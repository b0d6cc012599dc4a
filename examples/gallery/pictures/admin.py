"""Where the gallery's owner removes what does not belong."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html

from .forms import PictureForm
from .models import Picture, Tally


@admin.register(Picture)
class PictureAdmin(admin.ModelAdmin):
    form = PictureForm
    list_display = ("preview", "title", "width", "height", "added")
    list_display_links = ("preview", "title")
    search_fields = ("title",)
    date_hierarchy = "added"

    @admin.display(description="picture")
    def preview(self, picture: Picture) -> str:
        return format_html('<img src="{}" alt="" style="height: 3rem">', picture.thumbnail.url)


@admin.register(Tally)
class TallyAdmin(admin.ModelAdmin):
    list_display = ("counted", "pictures")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Tally | None = None) -> bool:
        return False
