"""`/trials/...`: the sandbox seen from the web process, an exception nobody handles, an upload."""

# mypy: disable-error-code="import-not-found, import-untyped, misc, untyped-decorator"

from typing import Any

from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from . import sandbox


def seen(request: Any) -> JsonResponse:
    return JsonResponse(sandbox.seen())


def stumble(request: Any) -> JsonResponse:
    raise LookupError("planted in the web")


@csrf_exempt
def upload(request: Any) -> JsonResponse:
    return JsonResponse({name: file.size for name, file in request.FILES.items()})


urlpatterns = [path("sandbox/", seen), path("stumble/", stumble), path("upload/", upload)]
