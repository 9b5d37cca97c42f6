"""Options and inputs that the commands about twins share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import frozen

from flowrig.cli.terminal.printing import progress_bar
from flowrig.journal.sound_folder import sound_folder

if TYPE_CHECKING:
    from flowrig.profile import DataProfile, Profile, SurrogateChoice
    from flowrig.twin import Experiments, TrainingSet

__all__ = [
    "TwinOptions",
    "TwinSource",
    "fit_progress",
    "read_twin_source",
    "response_option",
    "surrogate_option",
    "twin_options",
]

F = TypeVar("F", bound=Callable[..., None])


@frozen(kw_only=True)
class TwinOptions:
    """Experiments and the model that learns from them, as named on the command line.

    Attributes:
        source: a CSV file, the folder of a run, or a profile without devices, which names tables.
        profile: the rig, by name or path; None for that of the run.
        surrogate: the model, a name or a table; None for that of the campaign.
        columns: by response, the column of the CSV file if it has another name.
        seed: of the model.
        stages: stages whose experiments count; empty for all.
        arms: arms whose experiments count, with those of no arm; empty for all.
    """

    source: Path
    profile: str | None
    surrogate: str | None
    columns: dict[str, str]
    seed: int
    stages: tuple[str, ...]
    arms: tuple[str, ...]


@frozen
class TwinSource:
    """A rig, its experiments, and the model to fit.

    Attributes:
        rig: the profile, which may be one without devices.
        experiments: usable experiments of the source.
        choice: the surrogate with its settings.
    """

    rig: "Profile | DataProfile"
    experiments: "Experiments"
    choice: "SurrogateChoice"

    @property
    def data(self) -> "TrainingSet":
        """The experiments with the objective and the repeatability of the rig."""
        return self.experiments.training_set(self.rig.objective, self.rig.rsd)

    @property
    def units(self) -> dict[str, str]:
        """Unit of each feature."""
        from flowrig.profile import DataProfile

        if isinstance(self.rig, DataProfile):
            return self.rig.units
        return {name: feature.unit for name, feature in self.rig.features.items()}


def _columns(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Columns by response, from texts such as "a300=absorbance_300nm"."""
    columns = {}
    for value in values:
        response, equals, column = value.partition("=")
        if not (response and equals and column):
            raise click.BadParameter(f"{value!r} is not RESPONSE=COLUMN")
        columns[response] = column
    return columns


response_option = click.option(
    "--response",
    "columns",
    multiple=True,
    metavar="NAME=COLUMN",
    callback=_columns,
    help="The column of a response, if it has another name.",
)
surrogate_option = click.option(
    "--surrogate",
    metavar="NAME",
    help="The model: a name, or a table as in a profile; default: that of the campaign.",
)


def twin_options(command: F) -> F:
    """Add the argument SOURCE and the options of `TwinOptions`, which come as `options`."""

    @wraps(command)
    def with_options(
        *,
        source: Path,
        profile: str | None,
        surrogate: str | None,
        columns: dict[str, str],
        seed: int,
        stages: tuple[str, ...],
        arms: tuple[str, ...],
        **others: Any,
    ) -> None:
        options = TwinOptions(
            source=source,
            profile=profile,
            surrogate=surrogate,
            columns=columns,
            seed=seed,
            stages=stages,
            arms=arms,
        )
        command(options=options, **others)

    for option in (
        click.option("--seed", type=int, default=1, show_default=True),
        click.option(
            "--arm",
            "arms",
            multiple=True,
            metavar="NAME",
            help="An arm whose experiments count, with those of no arm; default: all.",
        ),
        click.option(
            "--stage",
            "stages",
            multiple=True,
            metavar="NAME",
            help="A stage whose experiments count; default: all.",
        ),
        response_option,
        surrogate_option,
        click.option("--profile", help="The rig, by name or path; a run's folder has its own."),
        click.argument("source", type=click.Path(exists=True, path_type=Path)),
    ):
        with_options = option(with_options)
    return with_options  # type: ignore[return-value]


def read_twin_source(options: TwinOptions) -> TwinSource:
    """Load the rig, read its experiments and choose the model.

    Raises:
        InputError: an option does not fit, or the source cannot be read.
        MissingDependencyError: the packages of the model are not installed.
    """
    from flowrig.errors import InputError
    from flowrig.learning.experiment_table import Selection
    from flowrig.plugins.offers import require_installed
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import DataProfile, read_profile
    from flowrig.run_record.changes import PROFILE_NAME
    from flowrig.run_record.experiments_of import read_data, read_source
    from flowrig.twin import choose_surrogate

    is_profile = options.source.suffix == ".toml"
    if options.profile is None and not options.source.is_dir() and not is_profile:
        raise InputError("a CSV file does not name its rig; add --profile NAME")
    plugins = Plugins.discover()
    of_source = options.source if is_profile else options.source / PROFILE_NAME
    rig = read_profile(options.profile or of_source, plugins).load_any()
    choice = choose_surrogate(rig, options.surrogate, plugins)
    require_installed(choice.offers)
    with sound_folder(options.source):
        selection = Selection(stages=options.stages, arms=options.arms)
        if not is_profile:
            experiments = read_source(options.source, rig, options.columns, plugins, selection)
        elif isinstance(rig, DataProfile):
            experiments = read_data(rig, selection)
        else:
            raise InputError(
                f"{options.source} describes a rig; name a run of it, or a CSV file with "
                f"--profile {options.source}"
            )
    return TwinSource(rig, experiments, choice)


def fit_progress(fits: int, name: str) -> Any:
    """A progress bar on the error channel, so that the output can be piped."""
    return progress_bar(length=fits, label=f"fitting {name}")
