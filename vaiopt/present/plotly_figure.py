"""Plotly's figure, which brings a still image of itself where a notebook shows it."""

from __future__ import annotations

from typing import Any, Dict

import plotly.graph_objects as go
import plotly.io as pio

from vaiopt.present.still import still

STILL = "image/svg+xml"


class PlotlyFigure(go.Figure):
    """A figure of plotly. Beside what plotly shows in a notebook stands an image, if it is one of
    lines, points and bars: for GitHub, and for a notebook made into a page.
    """

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
