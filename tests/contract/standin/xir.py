"""Stand-in for the ``xir`` of Vitis-AI: graphs read from stand-in files. See ``standin_device``."""

from __future__ import annotations

import weakref
from typing import Any, Dict, List, Optional, Set

from standin_device import attribute_value, crash, fatal, read_model

TYPES = (
    "{}(): incompatible function arguments. The following argument types are supported:\n    1."
    " {}\n\nInvoked with: {}"
)


class _Attributes:
    """Something with attributes: asking for one that is not there aborts."""

    _place = "attrs_imp.cpp:35"

    def __init__(self, attributes: Dict[str, Any]) -> None:
        self._attributes = {name: attribute_value(value) for name, value in attributes.items()}

    def has_attr(self, name: str) -> bool:
        return name in self._attributes

    def get_attr(self, name: str) -> Any:
        if name not in self._attributes:
            fatal(
                self._place,
                "[UNILOG][FATAL][XIR_UNREGISTERED_ATTR][Unregistered attribute!] Attrs doesn't"
                " contain attribute " + name,
            )
        return self._attributes[name]

    def get_attrs(self) -> Dict[str, Any]:
        return dict(self._attributes)


class Tensor(_Attributes):
    """A tensor. One of a runner must not be used after its runner is gone."""

    _place = "tensor_imp.cpp:124"

    def __init__(
        self, record: Dict[str, Any], owner: Any = None, batch: Optional[int] = None
    ) -> None:
        super().__init__(record["attrs"])
        self._owner = weakref.ref(owner) if owner is not None else None
        self._name, self._dtype, self._dims = record["name"], record["dtype"], list(record["dims"])
        if batch is not None and self._dims:
            self._dims[0] = batch

    def _alive(self) -> None:
        if self._owner is not None and self._owner() is None:
            crash()

    @property
    def name(self) -> str:
        self._alive()
        return self._name

    @property
    def dims(self) -> List[int]:
        self._alive()
        return list(self._dims)

    @property
    def ndim(self) -> int:
        return len(self._dims)

    @property
    def dtype(self) -> str:
        self._alive()
        return self._dtype

    def get_element_num(self) -> int:
        count = 1
        for n in self._dims:
            count *= n
        return count

    def get_data_size(self) -> int:
        return self.get_element_num() * (4 if self._dtype == "float32" else 1)

    def has_attr(self, name: str) -> bool:
        self._alive()
        return super().has_attr(name)


class Op(_Attributes):
    """An operator."""

    def __init__(self, record: Dict[str, Any]) -> None:
        super().__init__(record.get("attrs", {}))
        self._name, self._type = record["name"], record["type"]

    def get_name(self) -> str:
        return self._name

    def get_type(self) -> str:
        return self._type


class _Data:
    """What a graph owns. Subgraphs and graphs keep it; runners do not."""

    def __init__(self, content: Dict[str, Any]) -> None:
        self.content = content
        self.ops: Dict[str, List[Op]] = {}
        for record in content["ops"]:
            self.ops.setdefault(record["subgraph"], []).append(Op(record))


class Subgraph(_Attributes):
    """A subgraph: the root, or one of its children."""

    def __init__(self, data: _Data, record: Dict[str, Any], is_root: bool = False) -> None:
        super().__init__(record["attrs"])
        self._data, self._record, self.is_root = data, record, is_root

    @property
    def is_leaf(self) -> bool:
        return (
            not self._data.content["children"]
            if self.is_root
            else bool(self._record.get("is_leaf", False))
        )

    def get_name(self) -> str:
        return self._record["name"]

    def get_op_num(self) -> int:
        return len(self.get_ops())

    def get_ops(self) -> Set[Op]:
        if self.is_root:
            return {op for ops in self._data.ops.values() for op in ops}
        return set(self._data.ops.get(self.get_name(), []))

    def toposort(self) -> List[Op]:
        return list(self._data.ops.get(self.get_name(), []))

    def get_children_num(self) -> int:
        return len(self._data.content["children"]) if self.is_root else 0

    def toposort_child_subgraph(self) -> List["Subgraph"]:
        return (
            [Subgraph(self._data, record) for record in self._data.content["children"]]
            if self.is_root
            else []
        )

    def get_input_tensors(self) -> Set[Tensor]:
        return {Tensor(record) for record in self._record.get("input_tensors", [])}

    def get_output_tensors(self) -> Set[Tensor]:
        return {Tensor(record) for record in self._record.get("output_tensors", [])}

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Subgraph)
            and other._data is self._data
            and other.get_name() == self.get_name()
        )

    def __hash__(self) -> int:
        return hash(self.get_name())


class Graph(_Attributes):
    """A graph; made by :meth:`deserialize` only."""

    def __init__(self, data: _Data) -> None:
        super().__init__(data.content["graph"]["attrs"])
        self._data = data

    @staticmethod
    def deserialize(fname: Any) -> "Graph":
        if isinstance(fname, bytes):
            fname = fname.decode()
        if not isinstance(fname, str):
            raise TypeError(TYPES.format("deserialize", "(fname: str) -> xir.Graph", repr(fname)))
        return Graph(_Data(read_model(fname)))

    def get_name(self) -> str:
        return self._data.content["graph"]["name"]

    def get_tensors(self) -> Set[Tensor]:
        children = self._data.content["children"]
        records = {
            t["name"]: t
            for child in children
            for key in ("input_tensors", "output_tensors")
            for t in child[key]
        }
        records.update({t["name"]: t for t in self._data.content.get("tensors", [])})
        return {Tensor(record) for record in records.values()}

    def get_op_num(self) -> int:
        return int(self._data.content["graph"]["op_num"])

    def get_root_subgraph(self) -> Subgraph:
        return Subgraph(self._data, self._data.content["root"], is_root=True)
