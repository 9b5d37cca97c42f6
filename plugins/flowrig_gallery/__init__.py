"""Plugin `gallery`: papers of the field, what they ran and what they say."""

from collections.abc import Sequence

from flowrig.plugins import PaperOffer, hookimpl

__all__ = ["flowrig_gallery"]


@hookimpl
def flowrig_gallery() -> Sequence[PaperOffer]:
    """Offer the papers."""
    return [
        PaperOffer(
            name="cs3cu2i5-heatup",
            target="flowrig_gallery.heat_up:HeatUp",
            doi="10.1039/d5dd00062a",
            source="Sadeghi, Mattsson et al., Digital Discovery 2025, 4, 1722",
            summary="Heat-up synthesis of Cs3Cu2I5 nanocrystals with ZnI2",
            needs=("torch",),
            install="flowrig[enn]",
        ),
        PaperOffer(
            name="cs3cu2i5-hot-injection",
            target="flowrig_gallery.hot_injection:HotInjection",
            doi="10.1039/d3nr05034c",
            source="Sadeghi, Bateni et al., Nanoscale 2024, 16, 580",
            summary="Hot-injection synthesis of Cs3Cu2I5 nanocrystals",
            needs=("torch",),
            install="flowrig[enn]",
        ),
        PaperOffer(
            name="cspbbr3-larp",
            target="flowrig_gallery.reprecipitation:Reprecipitation",
            doi="10.1039/d2na00744d",
            source="Liang et al., Nanoscale Adv. 2023, 5, 2038",
            summary="Ligand-assisted reprecipitation of CsPbBr3 nanocrystals",
        ),
        PaperOffer(
            name="artificial-chemist",
            target="flowrig_gallery.colours:ArtificialChemist",
            source="Epps et al. 2020, after Abdel-Latif et al., Matter 2020, 3, 1053",
            summary="Artificial Chemist: halide exchange of CsPbBr3 towards a colour",
            needs=("sklearn",),
            install="flowrig[gp]",
        ),
        PaperOffer(
            name="maria",
            target="flowrig_gallery.colours:Maria",
            source="Bezinge et al. 2018, after Abdel-Latif et al., Matter 2020, 3, 1053",
            summary="MARIA: kriging towards a wavelength of (Cs/FA)Pb(I/Br)3",
            needs=("sklearn",),
            install="flowrig[gp]",
        ),
    ]
