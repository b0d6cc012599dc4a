"""`/traffic/...`: what a prober with a mix of requests asks for."""

# mypy: disable-error-code="import-not-found, import-untyped, misc, untyped-decorator"

import time
from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from .models import Entry


@csrf_exempt
def post(request: Any, run: str, number: int) -> HttpResponse:
    """Write one row, after everything that was sent has arrived."""
    Entry.objects.create(run=run, number=number, size=len(request.body))
    return HttpResponse(f"kept {len(request.body)}")


def entries(request: Any, run: str) -> JsonResponse:
    """How many requests were written, and how many of them more than once."""
    numbers = list(Entry.objects.filter(run=run).values_list("number", flat=True))
    return JsonResponse({"rows": len(numbers), "twice": len(numbers) - len(set(numbers))})


def slow(request: Any, number: int) -> HttpResponse:
    """Between 0.2 and 1 s, as a view that waits for somebody else."""
    time.sleep(0.2 + number % 9 / 10)
    return HttpResponse("slow, and done")


def streamed(request: Any) -> StreamingHttpResponse:
    """Twenty parts over 0.2 s."""

    def parts() -> Iterator[str]:
        for number in range(20):
            time.sleep(0.01)
            yield f"part {number} " + "." * 1000 + "\n"
        yield "the end"

    return StreamingHttpResponse(parts())


urlpatterns = [
    path("post/<str:run>/<int:number>/", post),
    path("entries/<str:run>/", entries),
    path("slow/<int:number>/", slow),
    path("streamed/", streamed),
]
