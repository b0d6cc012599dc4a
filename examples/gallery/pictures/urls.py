"""Addresses of the pages."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.home, name="home"),
    path("pictures/<int:pk>/", views.picture, name="picture"),
]
