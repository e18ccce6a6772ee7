"""Series as images of one column: the same function in the layers of images.

No quantizer and no DPU takes a layer of a series (N, time, channels). With one column more,
(N, time, 1, channels), and kernels (k, 1), the layers of images compute exactly the same; the
model's inputs then have that shape, so whoever feeds it puts the column in
(:func:`vaiopt.int8.feed.fed`). What its rows (:mod:`series_rows`) do not know, such as an LSTM,
gets the series as it was.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

from vaiopt.network.calls import INPUT_SHAPE, Call, CallList
from vaiopt.network.rebuild import Place, Rebuilt, Shapes, readers
from vaiopt.network.series_rows import OF_SERIES, ON_SERIES, Part, with_columns


def as_images(old: CallList) -> CallList:
    """Return the calls in the layers of images; as they are where there is nothing to change."""
    lifter = _Lifter(old)
    return lifter.lifted() if lifter.needed() else old


class _Places(NamedTuple):
    """Where the first output of an old call is: as it was, and as an image. One may be missing."""

    plain: Optional[Place]
    image: Optional[Place]


class _Lifter:
    def __init__(self, old: CallList) -> None:
        self._old, self._new = old, Rebuilt(old)
        shapes = Shapes(old)
        self._shapes = [shapes.of(index) for index in range(len(old.calls))]
        self._places: Dict[int, _Places] = {}

    def _is_series(self, index: int) -> bool:
        shape = self._shapes[index]
        return shape is not None and len(shape) == 2

    def needed(self) -> bool:
        """Tell whether a layer of series is called on one."""
        return any(
            call.class_name in OF_SERIES
            and self._parts(index, call) is not None
            and any(self._is_series(source) for source, _ in call.inputs)
            for index, call in enumerate(self._old.calls)
        )

    def lifted(self) -> CallList:
        """Return the new calls."""
        users = readers(self._old)
        for index, call in enumerate(self._old.calls):
            if call.class_name == "InputLayer" and self._is_series(index):
                self._input(index, call, users[index])
                continue
            parts = self._parts(index, call)
            if parts is None:
                place = self._new.add(call._replace(inputs=self._plain_inputs(call)))
                self._places[index] = _Places(place, None if self._is_series(index) else place)
                self._new.stand_in(index, [place])
                continue
            self._call(index, call, parts)
        for index in {index for index, _ in self._old.outputs}:
            self._new.stand_in(index, [self._plain(index)])
        return self._new.finished()

    def _parts(self, index: int, call: Call) -> Optional[List[Part]]:
        """Return what a call becomes; None for one that has to do with no series, or that no row
        knows.
        """
        row, output = ON_SERIES.get(call.class_name), self._shapes[index]
        shapes = [self._shapes[source] for source, _ in call.inputs]
        known = [shape for shape in shapes if shape is not None]
        if row is None or output is None or not shapes or len(known) != len(shapes):
            return None
        ranks = {len(shape) for shape in known}
        first = all(number == 0 for _, number in call.inputs)
        usual = call.config.get("data_format", "channels_last") == "channels_last"
        if not (first and usual) or (2 not in ranks and len(output) != 2):
            return None
        if call.class_name != "Reshape" and not ranks <= {1, 2}:
            return None
        return row(call, known, output)

    def _input(self, index: int, call: Call, users: List[int]) -> None:
        """Add an input of the model, as an image if one of its readers takes that."""
        shape = self._shapes[index]
        asked = any(
            user >= 0 and self._parts(user, self._old.calls[user]) is not None for user in users
        )
        if not asked or shape is None:
            place = self._new.add(call)
            self._places[index] = _Places(place, None)
            self._new.stand_in(index, [place])
            return
        image = with_columns(shape)
        config = {key: value for key, value in call.config.items() if key != "batch_shape"}
        config["batch_input_shape"] = (None, *image)
        place = self._new.add(call._replace(config=config, shapes=[image]))
        self._new.tell(call.name, f"the model's input {shape} is fed as {image}", INPUT_SHAPE)
        self._places[index] = _Places(None, place)
        self._new.stand_in(index, [place])

    def _call(self, index: int, call: Call, parts: List[Part]) -> None:
        """Add the layers that a call becomes, one behind the other."""
        inputs = [self._image(source) for source, _ in call.inputs]
        for part in parts:
            name = call.name + part.ending
            new = call._replace(
                name=name,
                class_name=part.class_name,
                config={**part.config, "name": name},
                inputs=inputs,
                shapes=None,
            )
            if part.made:
                new = new._replace(
                    arguments={}, params=0, first=True, made=True, selected=part.selected
                )
            inputs = [self._new.add(new)]
        place, shape = inputs[0], self._shapes[index]
        image_only = shape is not None and len(shape) == 2
        self._places[index] = _Places(None if image_only else place, place)
        self._new.stand_in(index, [place])
        kinds = [part.class_name for part in parts]
        if kinds != [call.class_name]:
            self._new.tell(call.name, f"becomes {' and '.join(kinds)}, over a single column")

    def _plain_inputs(self, call: Call) -> List[Place]:
        return [
            self._plain(source) if output == 0 else self._new.place((source, output))
            for source, output in call.inputs
        ]

    def _plain(self, index: int) -> Place:
        """Return where a tensor is as it was; made of the image if it has to be."""
        places, shape = self._places[index], self._shapes[index]
        if places.plain is not None or places.image is None or shape is None:
            return places.plain or self._new.place((index, 0))
        plain = self._reshaped(index, "/series", places.image, shape)
        self._places[index] = places._replace(plain=plain)
        return plain

    def _image(self, index: int) -> Place:
        """Return where a tensor is as an image; made of the series if it has to be."""
        places, shape = self._places[index], self._shapes[index]
        if places.image is not None or places.plain is None or shape is None:
            return places.image or self._new.place((index, 0))
        image = self._reshaped(index, "/column", places.plain, with_columns(shape))
        self._places[index] = places._replace(image=image)
        return image

    def _reshaped(self, index: int, ending: str, source: Place, shape: Tuple[int, ...]) -> Place:
        name = self._old.calls[index].name + ending
        config = {"name": name, "target_shape": tuple(shape)}
        return self._new.add(
            Call(name, "Reshape", config, [source], {}, [tuple(shape)], 0, True, made=True)
        )
