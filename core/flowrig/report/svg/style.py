"""The style sheet of the report: one set of variables for light, dark and paper.

Series colours are those of Okabe & Ito, "Color Universal Design" (2008), which people with any kind
of colour vision tell apart; on dark ground lightened where the contrast asks for it.
"""

import re

__all__ = ["CHART_STYLE", "COLORS", "RIG_STYLE", "STYLE", "alone"]

LIGHT = """
--ground:#fbfbfa;--card:#ffffff;--ink:#1d2329;--soft:#5b6670;--rule:#dfe3e6;--tint:#f0f3f5;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#b0578d;--c4:#b87f00;--c5:#3a3f45;
--reagent:#cfe3f2;--solvent:#e6e8ea;--carrier:#fbe3b5;--hot:#fbdcc9;--hot-edge:#d55e00;
--good:#00734f;--warn:#a44a00;--emission:#0072b2;
"""
DARK = """
--ground:#14181c;--card:#1b2126;--ink:#e8ecef;--soft:#9ba7b1;--rule:#343c44;--tint:#232a30;
--c0:#56b4e9;--c1:#f08a4b;--c2:#2fc79c;--c3:#dd9bc4;--c4:#e6b23c;--c5:#c3cad0;
--reagent:#24455c;--solvent:#3a4249;--carrier:#5b4a1d;--hot:#5a3220;--hot-edge:#f08a4b;
--good:#4fd0a5;--warn:#f0a35e;--emission:#56b4e9;
"""

CHART_STYLE = """svg text{fill:var(--ink);font-size:12px;font-family:inherit}
svg.chart .grid path{stroke:var(--rule);fill:none}
svg.chart .grid .axis,svg.chart .grid .tick{stroke:var(--soft)}
svg.chart .grid text{fill:var(--soft);font-variant-numeric:tabular-nums}
svg.chart .grid .label{fill:var(--ink);font-size:13px;font-weight:550}
svg.chart .note{font-size:14px;font-weight:650}
.best-so-far{fill:none;stroke:var(--ink);stroke-width:2;stroke-linejoin:round}
.diagonal{fill:none;stroke:var(--soft);stroke-dasharray:5 4}
.best-line{fill:none;stroke:var(--ink);stroke-dasharray:2 3}
.ring{fill:none;stroke:var(--ink);stroke-width:1.8}
.failed{fill:none;stroke:var(--warn);stroke-width:1.8}
.spectrum{fill:none;stroke:var(--c0);stroke-width:1.8;stroke-linejoin:round}
.emission{fill:var(--emission);fill-opacity:.2}
.span rect{fill:var(--soft);fill-opacity:.12}
.span text,.marker text{fill:var(--soft)}
.marker path{stroke:var(--c1);stroke-dasharray:4 3}
.marker text{fill:var(--c1);font-weight:600}
.point{stroke:var(--card);stroke-width:.8}
.error{stroke:currentColor;stroke-opacity:.55;stroke-width:1.3}
.s0{color:var(--c0)}.s1{color:var(--c1)}.s2{color:var(--c2)}
.s3{color:var(--c3)}.s4{color:var(--c4)}.s5{color:var(--c5)}
.point{fill:currentColor}
.bar{stroke:none}
.b0{fill:var(--c1)}.b1{fill:var(--c0)}.b2{fill:var(--c2)}.b3{fill:var(--c4)}.b4{fill:var(--c3)}
.b5{fill:var(--c0);fill-opacity:.45}.b6{fill:var(--c5)}.b7{fill:var(--c1);fill-opacity:.45}
.b8{fill:var(--soft);fill-opacity:.4}
.point.hollow{fill:var(--card);stroke:currentColor;stroke-width:1.6}
.legend{display:flex;flex-wrap:wrap;gap:2px 18px;margin-top:6px}
.ramp{width:160px;height:12px;vertical-align:-1px}
.quartile{fill:none;stroke:currentColor;stroke-opacity:.45;stroke-width:1.2}
"""
"""The rules of charts, without those of pages and of the drawing of a rig."""

RIG_STYLE = """\
svg.rig .tubes path{fill:none;stroke:var(--soft);stroke-width:2.5;stroke-linejoin:round}
svg.rig .wall{stroke:var(--soft);stroke-width:6;stroke-linecap:round;fill:none}
svg.rig .body{fill:var(--card);stroke:var(--ink);stroke-width:1.6;stroke-linejoin:round}
svg.rig .inside{fill:none;stroke:var(--ink);stroke-width:1.8;stroke-linejoin:round}
svg.rig .plate{fill:var(--hot);stroke:var(--hot-edge);stroke-width:1.6}
svg.rig .barrel{fill:var(--card);stroke:var(--ink);stroke-width:1.6}
svg.rig .needle,svg.rig .plunger{stroke:var(--ink);stroke-width:1.8;fill:none}
svg.rig .reagent .liquid{fill:var(--reagent)}
svg.rig .solvent .liquid{fill:var(--solvent)}
svg.rig .carrier .liquid{fill:var(--carrier)}
svg.rig text{paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}
svg.rig .liquid~.content{stroke:none}
svg.rig .content{font-size:12px;font-weight:650}
svg.rig .name{font-size:12px;font-weight:550}
svg.rig .small{font-size:11px;fill:var(--soft)}
svg.rig .device{font-size:11px;fill:var(--hot-edge);font-weight:600}
svg.rig .flow-cell .device{fill:var(--c0)}
svg.rig .beam{stroke:var(--c0);stroke-width:2.4;stroke-opacity:.7}
svg.rig .tau path{stroke:var(--soft);fill:none}
svg.rig .tau text{fill:var(--soft);font-size:12px}
"""
"""The rules of the drawing of a rig."""

COLORS = (
    f":root{{color-scheme:light dark;{LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}"
)
"""The colours, light and dark."""

STYLE = (
    f"{COLORS}"
    f"@media print{{:root{{color-scheme:light;{LIGHT}--ground:#fff}}}}"
    """
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
  font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 24px 64px}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em;text-wrap:balance}
h2{font-size:1.15rem;margin:0 0 4px}
p{margin:4px 0;max-width:72ch}
.sub,figcaption,.legend,.quiet{color:var(--soft);font-size:.9rem}
section{margin-top:40px}
.card{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:16px 18px}
.head{display:grid;grid-template-columns:minmax(200px,auto) 1fr;gap:28px;align-items:center;
  margin-top:24px}
.big{font-size:3.4rem;font-weight:650;line-height:1;letter-spacing:-.03em;white-space:nowrap}
.conditions{display:flex;flex-wrap:wrap;gap:8px 26px;margin:0}
.conditions div{min-width:84px}
dt{color:var(--soft);font-size:.82rem}
dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.conditions dd{font-size:1.15rem;font-weight:550;white-space:nowrap}
.facts{display:flex;flex-wrap:wrap;gap:8px 32px;margin:16px 0 0}
.provenance{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;margin:8px 0}
.badge{display:inline-block;font-size:.8rem;font-weight:600;padding:1px 10px;border-radius:99px;
  border:1px solid currentColor;color:var(--good);vertical-align:middle}
.badge.open{color:var(--warn)}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(330px,1fr));gap:16px;margin-top:12px}
.small-multiples{display:grid;grid-template-columns:repeat(auto-fit,minmax(300px,1fr));gap:12px;
  margin-top:12px}
figure{margin:0;break-inside:avoid}
.wide{overflow-x:auto}
.wide>svg{min-width:640px}
svg.chart,svg.rig{display:block;width:100%;height:auto}
"""
    + CHART_STYLE
    + """.symbol{width:14px;height:14px;vertical-align:-2px}
.scroll{overflow:auto;max-height:640px;margin-top:12px;padding:0}
table{border-collapse:collapse;width:100%;font-size:.86rem;font-variant-numeric:tabular-nums}
th,td{padding:4px 10px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}
th{position:sticky;top:0;background:var(--tint);font-weight:600;vertical-align:bottom}
th small{display:block;font-weight:400;color:var(--soft)}
.text{text-align:left}
td.text:last-child{white-space:normal;min-width:180px}
tr.best td{font-weight:650;background:var(--tint)}
tr.doubtful td{color:var(--warn)}
.notes{margin:8px 0;padding-left:1.2em}
"""
    + RIG_STYLE
    + """.role{width:14px;height:14px;border-radius:3px;display:inline-block;vertical-align:-2px;
  border:1px solid var(--ink)}
.role.reagent{background:var(--reagent)}.role.solvent{background:var(--solvent)}
.role.carrier{background:var(--carrier)}
@media (max-width:640px){.head{grid-template-columns:1fr}.provenance{grid-template-columns:1fr}}
@media print{
  *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
  @page{margin:14mm}
  body{font-size:10.5pt}
  main{max-width:none;padding:0}
  section{margin-top:22px}
  h2,.sub{break-after:avoid}
  .scroll{max-height:none;overflow:visible;border:0}
  .wide{overflow:visible}
  .card{break-inside:avoid}
  .card.scroll{break-inside:auto}
  .pair{grid-template-columns:1fr 1fr}
  .small-multiples{grid-template-columns:1fr 1fr}
  table{font-size:7.5pt}
  th,td{padding:2px 4px}
  th{position:static}
  tr{break-inside:avoid}
}
"""
)


def alone(drawing: str) -> str:
    """The text of an SVG file that needs no page: a chart with its style, on light ground.

    Colours are written out, since programs other than browsers do not know variables.

    Args:
        drawing: a chart as pages have it.
    """
    head, _, rest = drawing.partition(">")
    head = head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    style = f"svg{{background:var(--card);font-family:system-ui,sans-serif}}\n{CHART_STYLE}"
    colors = dict(re.findall(r"(--[\w-]+):([^;]+);", LIGHT))
    style = re.sub(r"var\((--[\w-]+)\)", lambda one: colors[one[1]], style)
    return f"{head}><style>{style}</style>{rest}\n"
