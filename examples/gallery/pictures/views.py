"""The front page with its form, and a page for each picture."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from .forms import PictureForm
from .models import Picture, Tally

PER_PAGE = 24


def home(request: HttpRequest) -> HttpResponse:
    """The newest pictures, and a form that adds one."""
    form = PictureForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        added = form.save()
        messages.success(request, f"“{added.title}” is on the wall.")
        return redirect("home")
    page = Paginator(Picture.objects.all(), PER_PAGE).get_page(request.GET.get("page"))
    tally = Tally.objects.order_by("-counted").first()
    return render(request, "pictures/home.html", {"form": form, "page": page, "tally": tally})


def picture(request: HttpRequest, pk: int) -> HttpResponse:
    """One picture, large."""
    return render(request, "pictures/picture.html", {"picture": get_object_or_404(Picture, pk=pk)})
