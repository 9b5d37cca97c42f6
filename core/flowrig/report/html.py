"""The report as one HTML file without scripts and external resources; all text is escaped."""

from collections.abc import Mapping, Sequence

from flowrig.interfaces.device import Quality
from flowrig.problem.space import Value
from flowrig.profile.topology import Topology
from flowrig.report import figures, studies
from flowrig.report.content import Experiment, ReportContent
from flowrig.report.front import front_section
from flowrig.report.page import document, figure, section, table, text_cell
from flowrig.report.scorecard import (
    cost_facts,
    robustness_words,
    scorecard_section,
    time_section,
)
from flowrig.report.svg.markup import Markup, join, tag
from flowrig.report.svg.numbers import Quantity, decimals_for, duration, grouped, with_unit
from flowrig.report.svg.rig_drawing import draw_rig

__all__ = ["render"]

DONE = frozenset({"finished", "completed"})


def render(content: ReportContent) -> str:
    """The report of a run.

    Args:
        content: the run.

    Returns:
        an HTML document, readable on screens, in the dark and on paper.
    """
    return document(
        content.title,
        _header(content),
        _headline(content),
        *studies.sections(content.studies),
        _campaign(content),
        front_section(content),
        _arms(content),
        _spectra(content),
        _model(content),
        *_scorecard(content),
        _rig(content),
        _diagnostics(content),
        _experiments(content),
        _results(content),
        _provenance(content),
    )


def _header(content: ReportContent) -> Markup:
    profile = content.profile
    badge = "badge" if content.state in DONE else "badge open"
    words = ["simulated"] * content.simulated + ["invented numbers"] * bool(content.invented)
    simulated = [part for word in words for part in (" ", tag("span", word, class_="badge open"))]
    origin = f"{profile.title} ({profile.source})" if profile.source else profile.title
    return tag(
        "header",
        tag("h1", content.title, " ", tag("span", content.state, class_=badge), *simulated),
        tag("p", origin, class_="sub"),
    )


def _reactor_text(times_s: Mapping[str, float]) -> str:
    """Time in heated reactors; a range where the ways of the streams differ."""
    if not times_s:
        return "–"
    shortest, longest = (with_unit(pick(times_s.values()), "s", 3) for pick in (min, max))
    return longest if shortest == longest else f"{shortest} to {longest}"


def _headline(content: ReportContent) -> Markup:
    best, incumbent = content.best, content.incumbent_experiment
    if best is None or incumbent is None:
        shown = tag("p", "No experiment has a trusted objective yet.")
    else:
        shown = tag(
            "div",
            tag("div", *_best_value(content, best, incumbent)),
            _best_conditions(content, incumbent),
            class_="card head",
        )
    return join(shown, _run_facts(content))


def _best_value(content: ReportContent, best: Experiment, incumbent: Experiment) -> list[Markup]:
    """The objective in large digits: the model's prediction, else the largest measured value."""
    objective, expected = content.objective, content.incumbent
    largest = objective.text(best.objective or 0.0)
    if expected is None:
        words = f"best {objective.name}, experiment {best.index} ({best.stage})"
        return [tag("div", largest, class_="big"), tag("p", words, class_="quiet")]
    spread = objective.text(expected.objective.mean, expected.objective.sd)
    return [
        tag("div", objective.text(expected.objective.mean), class_="big"),
        tag(
            "p",
            f"best {objective.name} as predicted by a model of all experiments, {spread}, at the "
            f"conditions of experiment {incumbent.index} ({incumbent.stage})",
            class_="quiet",
        ),
        tag("p", robustness_words(expected.robustness, objective), class_="quiet"),
        tag(
            "p",
            f"Highest measured: {largest}, experiment {best.index} ({best.stage}). The highest of "
            "many noisy measurements reads too high.",
            class_="quiet",
        ),
    ]


def _best_conditions(content: ReportContent, best: Experiment) -> Markup:
    chosen = [(q.name, q.text(best.conditions[name])) for name, q in content.conditions.items()]
    flows = content.profile.flow_rates_ul_min(best.conditions)
    derived = [
        (f"{stream} (follows)", with_unit(flows[stream], "µL/min"))
        for stream in content.profile.following_streams
    ]
    topology = Topology.of(content.profile, best.conditions)
    derived += [
        ("total flow", with_unit(sum(flows.values()), "µL/min")),
        ("residence time τ", with_unit(topology.residence_time_s(flows), "s", 3)),
        ("in the reactor", _reactor_text(topology.reactor_times_s(flows))),
    ]
    derived += [
        (f"section {name}", with_unit(topology.section_time_s(section, flows), "s", 3))
        for name, section in content.profile.sections.items()
        if topology.is_passed(section)
    ]
    measured = [
        (quantity.name, quantity.text(best.features[name]))
        for name, quantity in content.features.items()
        if name in best.features
    ]
    return tag(
        "div",
        _definitions([*chosen, *derived], "conditions"),
        _definitions(measured, "facts"),
    )


def _run_facts(content: ReportContent) -> Markup:
    made, succeeded = len(content.experiments), len(content.succeeded)
    planned = content.profile.campaign.experiments if content.profile.campaign else made
    facts = [
        ("experiments", f"{made} of {planned}" if planned != made else f"{made}"),
        ("succeeded", f"{succeeded}"),
        ("seed", f"{content.seed}"),
        ("profile", f"{content.profile.name} · {content.profile.digest[:12]}"),
    ]
    if content.digest:
        facts.append(("run digest", content.digest[:12]))
    if content.scorecard is not None:
        facts += cost_facts(content.scorecard)
    if content.duration_s is not None:
        facts.insert(2, ("rig time", duration(content.duration_s)))
    return _definitions(facts, "facts")


def _campaign(content: ReportContent) -> Markup:
    if not content.experiments:
        return Markup()
    return section(
        "Campaign",
        "Each point is the objective (figure of merit) of one experiment; the line is the best "
        "trusted value so far.",
        figures.best_so_far(content),
        tag("div", *figures.parameters(content), class_="small-multiples"),
    )


def _arms(content: ReportContent) -> Markup:
    if not content.arms:
        return Markup()
    head = ("arm", "experiments", "best measured", "at its experiment", "expected best")
    return section(
        "Arms",
        "Each arm has learnt from the experiments without an arm, and from its own; the line is "
        "the best trusted value of its own experiments so far.",
        figures.arms(content),
        table(head, (_arm_row(content, arm) for arm in content.arms)),
    )


def _arm_row(content: ReportContent, arm: str) -> Markup:
    objective, expected = content.objective, content.arm_incumbents.get(arm)
    own = [e for e in content.experiments if e.arm == arm]
    best = max((e for e in own if e in content.trusted), key=_measured, default=None)
    cells = ["–", "–"] if best is None else [objective.text(_measured(best)), _place(own, best)]
    model = "–"
    if expected is not None:
        value = objective.text(expected.objective.mean, expected.objective.sd)
        model = f"{value}, experiment {expected.index}"
    cells = [f"{len(own)}", *cells, model]
    return tag("tr", text_cell(arm), *(tag("td", cell) for cell in cells))


def _measured(experiment: Experiment) -> float:
    return experiment.objective or 0.0


def _place(own: Sequence[Experiment], one: Experiment) -> str:
    return f"{own.index(one) + 1} of {len(own)}"


def _spectra(content: ReportContent) -> Markup:
    channels = content.profile.analysis.channels
    drawn = [
        figures.spectrum(content, channels[name], one)
        for name, one in content.spectra.items()
        if name in channels
    ]
    if not drawn:
        return Markup()
    return section("Spectra of the best condition", "", tag("div", *drawn, class_="pair"))


def _model(content: ReportContent) -> Markup:
    beforehand = figures.parity(content, [e.expected for e in content.experiments])
    held_out = figures.parity(content, [e.held_out for e in content.experiments])
    return join(
        _parity(
            "Predicted before the measurement",
            "The predictions are those from which the conditions were chosen.",
            beforehand,
        ),
        _parity(
            "Predicted from other experiments",
            "Cross-validation: each experiment is predicted by a model fitted to others only.",
            held_out,
        ),
    )


def _parity(title: str, introduction: str, drawn: list[Markup]) -> Markup:
    if not drawn:
        return Markup()
    bars = "Bars are one standard deviation of a measurement, noise included."
    return section(title, f"{introduction} {bars}", tag("div", *drawn, class_="small-multiples"))


def _scorecard(content: ReportContent) -> list[Markup]:
    card = content.scorecard
    if card is None:
        return []
    return [time_section(card.time), scorecard_section(card, content.objective)]


def _rig(content: ReportContent) -> Markup:
    roles = dict.fromkeys(stream.role for stream in content.profile.streams.values())
    keys = [
        tag("span", tag("span", class_=f"role {role}"), " ", role, class_="key") for role in roles
    ]
    return section(
        "Rig",
        "Inner volumes and bores from the profile.",
        figure(
            tag("div", draw_rig(content.profile), class_="wide"),
            tag("p", *keys, class_="legend"),
        ),
        *(
            tag(
                "p",
                f"{name}: {with_unit(filled_ul / 1000, 'mL')} of "
                f"{with_unit(most_ul / 1000, 'mL')}, {filled_ul / most_ul:.0%} full",
            )
            for name, (filled_ul, most_ul) in content.waste.items()
        ),
    )


def _diagnostics(content: ReportContent) -> Markup:
    failed = [e for e in content.experiments if not e.succeeded and not e.awaits]
    doubtful = [e for e in content.succeeded if e.quality is not Quality.GOOD]
    notes = [*content.notes, *(_remark(e, "failed") for e in failed)]
    notes += [
        f"Experiment {e.index} waits for {', '.join(e.awaits)}."
        for e in content.experiments
        if e.awaits
    ]
    notes += [_remark(e, f"is {e.quality.value}") for e in doubtful]
    if not notes:
        return section("Diagnostics", "No experiment failed and no measurement is in doubt.")
    return section(
        "Diagnostics", "", tag("ul", *(tag("li", line) for line in notes), class_="notes")
    )


def _remark(experiment: Experiment, outcome: str) -> str:
    note = f"Experiment {experiment.index} {outcome}"
    return f"{note}: {experiment.remark}" if experiment.remark else f"{note}."


def _experiments(content: ReportContent) -> Markup:
    if not content.experiments:
        return Markup()
    columns = [
        *(
            _column(q, [e.conditions.get(n) for e in content.experiments])
            for n, q in content.conditions.items()
        ),
        *(
            _column(q, [e.features.get(n) for e in content.experiments])
            for n, q in content.features.items()
        ),
        _column(content.objective, [e.objective for e in content.experiments]),
    ]
    predicted = any(e.expected and e.expected.objective for e in content.experiments)
    header = [_head("#"), _head("stage", "", "text"), *(head for head, _ in columns)]
    header += [_head("expected", content.objective.unit)] if predicted else []
    header.append(_head("quality, remark", "", "text"))
    rows = [
        tag(
            "tr",
            tag("td", f"{e.index}"),
            text_cell(e.stage),
            *(tag("td", cells[i]) for _, cells in columns),
            *([tag("td", _expected(content.objective, e))] if predicted else []),
            text_cell(_quality_words(e)),
            class_=_row_class(content, e),
        )
        for i, e in enumerate(content.experiments)
    ]
    return section("All experiments", "", table(header, rows))


def _results(content: ReportContent) -> Markup:
    """The results that were entered later; a later one for the same quantity counts."""
    if not content.results:
        return Markup()
    names = ("#", "result", "by", "entered", "files")
    header = [_head(name, "", None if name == "#" else "text") for name in names]
    rows = [
        tag("tr", tag("td", index), *(text_cell(word) for word in words))
        for index, *words in content.results
    ]
    return section(
        "Off-line results", "Of several for one quantity the last counts.", table(header, rows)
    )


def _column(quantity: Quantity, found: Sequence[Value | None]) -> tuple[Markup, list[str]]:
    """Head and cells of one column, all numbers with the same number of decimals."""
    texts = {row: value for row, value in enumerate(found) if isinstance(value, str)}
    values = [None if isinstance(value, str) else value for value in found]
    shown = [None if value is None else value * quantity.factor for value in values]
    decimals = decimals_for([v for v in shown if v is not None], quantity.significant)
    cells = ["–" if value is None else grouped(value, decimals) for value in shown]
    cells = [texts.get(row, cell) for row, cell in enumerate(cells)]
    return _head(quantity.name, quantity.unit), cells


def _head(name: str, unit: str = "", class_: str | None = None) -> Markup:
    return tag("th", name, *([tag("small", unit)] if unit else []), class_=class_, scope="col")


def _expected(objective: Quantity, experiment: Experiment) -> str:
    prediction = experiment.expected.objective if experiment.expected else None
    if prediction is None:
        return ""
    mean, sd = prediction.mean * objective.factor, prediction.sd * objective.factor
    decimals = decimals_for([mean], objective.significant)
    return f"{grouped(mean, decimals)} ± {grouped(sd, decimals)}"


def _quality_words(experiment: Experiment) -> str:
    state = experiment.quality.value if experiment.succeeded else "failed"
    if experiment.awaits:
        state = f"waits for {', '.join(experiment.awaits)}"
    return ": ".join(part for part in (state, experiment.remark or experiment.reason) if part)


def _row_class(content: ReportContent, experiment: Experiment) -> str | None:
    if experiment is content.incumbent_experiment:
        return "best"
    trusted = experiment.succeeded and experiment.quality is Quality.GOOD
    return None if trusted else "doubtful"


def _provenance(content: ReportContent) -> Markup:
    entries = [
        *content.provenance.items(),
        ("profile digest (SHA-256)", content.profile.digest),
        *([("run digest (SHA-256)", content.digest)] if content.digest else []),
        ("seed", f"{content.seed}"),
    ]
    return section(
        "Provenance",
        "Origin of these numbers: devices, software, profile and seed.",
        _definitions(entries, "provenance"),
    )


def _definitions(entries: list[tuple[str, str]], class_: str) -> Markup:
    if class_ == "provenance":
        pairs = [join(tag("dt", name), tag("dd", value)) for name, value in entries]
    else:
        pairs = [tag("div", tag("dt", name), tag("dd", value)) for name, value in entries]
    return tag("dl", *pairs, class_=class_) if pairs else Markup()
