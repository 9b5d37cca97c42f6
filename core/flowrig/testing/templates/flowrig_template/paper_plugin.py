"""The Template paper for flowrig; this module does not import the paper itself."""

from collections.abc import Sequence

from flowrig.plugins import PaperOffer, hookimpl


@hookimpl
def flowrig_gallery() -> Sequence[PaperOffer]:
    """The offer of the paper."""
    return [
        PaperOffer(
            name="template",
            target=f"{__name__}.paper:TemplatePaper",
            doi="10.1000/1",
            source="The authors, Journal 2026, 1, 1",
            summary="Quantum yield by the flow rate of the antisolvent",
        )
    ]
