"""The page of a calibrated proxy."""

from flowrig.report.page import document, figure, section
from flowrig.report.svg.charts import Axes, Axis, Series, chart, curve, points
from flowrig.report.svg.markup import tag
from flowrig.run_record.off_line.calibration import ProxyCalibration

__all__ = ["proxy_words", "render_proxy"]


def proxy_words(found: ProxyCalibration) -> list[str]:
    """What a calibration found, in sentences."""
    per_cent = 100.0
    origin = "passes" if found.passes_the_origin else "does not pass"
    offset = found.intercept / found.slope
    return [
        f"{len(found.experiments)} experiments with a proxy and {found.quantity}: "
        f"{', '.join(map(str, found.experiments))}.",
        f"proxy = ({per_cent * found.intercept:.2f} ± {per_cent * found.intercept_sd:.2f}) % + "
        f"({found.slope:.3f} ± {found.slope_sd:.3f}) · yield; the line {origin} through the origin "
        "within two standard errors.",
        f"It explains {found.r2:.1%} of the variance of the proxy (R²); the proxy scatters by "
        f"{per_cent * found.residual_sd:.2f} % about it.",
        f"With dye_plqy divided by the slope the proxy is the yield plus {offset:.2%}."
        if found.rises
        else "The proxy does not rise with the yield by more than two standard errors.",
    ]


def render_proxy(found: ProxyCalibration, title: str) -> str:
    """The page: the proxy against quantum yields from off the line, with its line.

    Args:
        found: the calibration.
        title: of the page.
    """
    x, y = 100.0 * found.plqy, 100.0 * found.proxy
    axes = Axes(
        Axis.around(f"{found.quantity} (%)", x, from_zero=True),
        Axis.around("PLQY proxy (%)", y, from_zero=True),
        width=520.0,
        height=380.0,
    )
    ends = [axes.x.low, axes.x.high]
    line = [100.0 * found.intercept + found.slope * end for end in ends]
    hints = [
        f"experiment {index}: proxy {b:.2f} %, yield {a:.2f} %"
        for index, a, b in zip(found.experiments, x, y, strict=True)
    ]
    drawing = chart(
        axes,
        curve(axes, ends, line, "best-line"),
        points(axes, Series(style=0, x=x.tolist(), y=y.tolist(), hints=hints)),
        title="proxy against quantum yield",
    )
    words = "Each point is an experiment; the line is by least squares, ± is one standard error."
    sentences = (tag("li", one) for one in proxy_words(found))
    return document(
        title,
        tag("h1", title),
        section("The proxy against the quantum yield", words, figure(drawing)),
        section("What it says", "", tag("ul", *sentences, class_="notes")),
    )
