"""Plotly's figure, which brings a still image of itself where a notebook shows it."""

from __future__ import annotations

import functools
from typing import Any, Dict, Mapping, Sequence, Tuple

from vaiopt.present.still import STILL, still


def plotly_figure(data: Sequence[Any], layout: Mapping[str, Any]) -> Any:
    """Return a ``plotly.graph_objects.Figure``. Beside what plotly shows of it in a notebook stands
    an image, if it is one of lines, points and bars: for GitHub, and for a notebook made into a
    page.
    """
    return _kind()(data=data, layout=layout)


@functools.lru_cache(maxsize=None)
def _kind() -> Any:
    """Return the class, made when plotly is first needed."""
    import plotly.graph_objects as go
    import plotly.io as pio

    class PlotlyFigure(go.Figure):
        """See :func:`plotly_figure`."""

        def _repr_mimebundle_(self, *arguments: Any, **options: Any) -> Dict[str, Any]:
            bundle = dict(super()._repr_mimebundle_(*arguments, **options) or {})
            image = still(self.to_plotly_json())
            return {**bundle, STILL: image} if image else bundle

        def _ipython_display_(self) -> None:
            bundle = self._repr_mimebundle_()
            if set(bundle) <= {STILL} or not pio.renderers.render_on_display:
                super()._ipython_display_()  # plotly shows it elsewhere: in a browser, as text
                return
            from IPython.display import display

            display(bundle, raw=True)

        def __reduce__(self) -> Tuple[Any, ...]:
            content = self.to_plotly_json()
            return plotly_figure, (content["data"], content["layout"])

    return PlotlyFigure
