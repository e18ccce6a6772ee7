"""Samples in pictures, side by side."""

from __future__ import annotations

from typing import Sequence

from vaiopt.present import words
from vaiopt.present.html import Markup, join, tag
from vaiopt.report.pictures import Picture


def picture_gallery(pictures: Sequence[Picture]) -> Markup:
    """Return samples, each with its pictures in a row and their names below them."""
    cards = []
    for picture in pictures:
        images = [
            tag(
                "figure",
                join(
                    [
                        Markup(str(tag("img", src=uri, alt=name)).replace("></img>", ">")),
                        tag("figcaption", name, class_="remark"),
                    ]
                ),
            )
            for name, uri in picture.images
        ]
        told = f"sample {words.count(picture.index)}, {picture.told}"
        row = tag("div", join(images), class_="triple")
        cards.append(tag("li", join([row, tag("div", told, class_="remark")])))
    return tag("ul", join(cards), class_="gallery pictures")
