"""How much time flowrig adds to what the instruments themselves take.

Run with `python benchmarks/instruments.py`. The instruments are the emulated ones of the reference
rig, on real time and each in a process of its own; flowrig's side is the rig with its threads, its
locks and its drivers. What is compared alternates, so that a busy machine disturbs both alike.
"""

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial

import pyvisa
import serial
from attrs import evolve, field, frozen
from emulated_instruments import emulated
from rich.console import Console
from rich.table import Table
from seabreeze.pyseabreeze.devices import SeaBreezeDevice
from seabreeze.pyseabreeze.transport import IPv4Transport, IPv4TransportHandle

from flowrig.clock import RealClock
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig.rig.device_threads import DeviceThreads
from flowrig.rig.rig import Rig

PROFILE = "cs3cu2i5-heatup"
SLOW_BAUD, USUAL_BAUD = 9600, 38400
SPECTROMETERS = ("hdx_absorbance", "hdx_pl")
INTEGRATION_TIME_US = 6000
WIDTH = 130

Act = Callable[[], object]


@frozen
class Effort:
    """How much is measured.

    Attributes:
        blocks: ratios a row; the table shows their median and quartiles.
        pairs: exchanges on either side from which one ratio is made.
        frames: frames from which one rate is made.
    """

    blocks: int
    pairs: int
    frames: int


@frozen
class Row:
    """One line of the table.

    Attributes:
        name: what is measured.
        reference: what it is compared with.
        reference_s: how long the reference takes [s], one value a block.
        flowrig_s: how long flowrig takes [s], one value a block.
        goal: the bound of the ratio.
        is_rate: whether the ratio is one of rates, which the goal bounds from below, and not one of
            times.
    """

    name: str
    reference: str
    reference_s: Sequence[float]
    flowrig_s: Sequence[float]
    goal: float
    is_rate: bool = field(default=False, kw_only=True)

    @property
    def ratios(self) -> list[float]:
        """One ratio a block, sorted."""
        pairs = zip(self.reference_s, self.flowrig_s, strict=True)
        return sorted(theirs / ours if self.is_rate else ours / theirs for theirs, ours in pairs)

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between these is the middle half of the ratios."""
        if len(self.ratios) < 2:
            return self.ratio, self.ratio
        low, _, high = statistics.quantiles(self.ratios, method="inclusive")
        return low, high

    @property
    def is_met(self) -> bool:
        """Whether the median reaches the goal."""
        return self.ratio >= self.goal if self.is_rate else self.ratio <= self.goal


def seconds(act: Act) -> float:
    """How long something takes [s]."""
    start_s = time.perf_counter()
    act()
    return time.perf_counter() - start_s


def alternating(reference: Act, flowrig: Act, effort: Effort) -> tuple[list[float], list[float]]:
    """Medians [s] of many exchanges on either side, one pair of values a block."""
    blocks = []
    for _ in range(effort.blocks):
        pairs = [(seconds(reference), seconds(flowrig)) for _ in range(effort.pairs)]
        blocks.append([statistics.median(side) for side in zip(*pairs, strict=True)])
    reference_s, flowrig_s = zip(*blocks, strict=True)
    return list(reference_s), list(flowrig_s)


def few(effort: Effort) -> Effort:
    """What is enough of exchanges that take milliseconds."""
    return evolve(effort, pairs=max(effort.pairs // 10, 1))


@contextmanager
def emulated_rig(*devices: str, baud: int | None = None) -> Iterator[Rig]:
    """A rig of some devices of the reference rig, closed.

    Args:
        devices: their names; all if none is named.
        baud: line speed of pumps whose bytes take their time.
    """
    profile = load_profile(PROFILE, Plugins.discover())
    entries = {n: e for n, e in profile.devices.items() if not devices or n in devices}
    if baud:
        for name in {stream.pump for stream in profile.streams.values()} & set(entries):
            entries[name] = evolve(
                entries[name], settings=evolve(entries[name].settings, baud=baud)
            )
    with emulated(entries, paced_baud=baud) as answering:
        part = evolve(profile, devices=answering, streams=_driven(profile, devices))
        clock = RealClock()
        with DeviceThreads(clock) as workers:
            rig = Rig(part, clock, workers)
            try:
                yield rig
            finally:
                rig.close()


def _driven(profile: Profile, devices: Sequence[str]) -> dict[str, object]:
    streams = profile.streams.items()
    return {name: stream for name, stream in streams if not devices or stream.pump in devices}


def address(rig: Rig, device: str) -> tuple[str, int]:
    """Host and TCP port of an emulated instrument."""
    host, _, port = rig[device].settings.address.partition(":")
    return host, int(port)


@contextmanager
def pump_and_port(baud: int | None = None) -> Iterator[tuple[Rig, serial.Serial]]:
    """A rig with one pump, and a bare port to a second, as one port takes one program."""
    with emulated_rig("pump_cui", "pump_ode", baud=baud) as rig:
        rig["pump_cui"].open()
        bare_address = rig["pump_ode"].settings.address
        with serial.serial_for_url(bare_address, baud or USUAL_BAUD, timeout=1.0) as port:
            yield rig, port


def read_until(port: serial.Serial, request: bytes) -> bytes:
    """An exchange as pyserial offers it, which reads byte by byte."""
    port.write(request + b"\r")
    return bytes(port.read_until(b">"))


def read_waiting(port: serial.Serial, request: bytes) -> bytes:
    """An exchange that takes what has come, for somebody who knows pyserial well."""
    port.write(request + b"\r")
    reply = b""
    while not reply.endswith(b">"):
        reply += port.read(port.in_waiting or 1)
    return reply


def pump_rows(effort: Effort) -> Iterator[Row]:
    """Exchanges with a pump that answers at once, next to bare pyserial."""
    with pump_and_port() as (rig, port), DeviceThreads(rig.clock) as workers:
        pump = rig["pump_cui"]
        acts: dict[bytes, Act] = {
            b"status": lambda: rig.pump_states(["CuI"]),
            b"dispensed volume": lambda: rig.dispensed(["CuI"]),
            b"view parameter": lambda: workers.call({"pump_cui": pump.identify}),
        }
        for (request, flowrig), bare in itertools.product(acts.items(), (read_until, read_waiting)):
            times = alternating(partial(bare, port, request), flowrig, effort)
            yield Row(f"pump: {request.decode()}", f"pyserial, {bare.__name__}", *times, 1.5)


def slow_pump_row(effort: Effort) -> Row:
    """The shortest exchange with a pump whose bytes take their time, next to bare pyserial."""
    with pump_and_port(USUAL_BAUD) as (rig, port):
        times = alternating(
            partial(read_waiting, port, b"status"), lambda: rig.pump_states(["CuI"]), few(effort)
        )
    return Row(f"pump: status at {USUAL_BAUD} baud", "pyserial, read_waiting", *times, 1.5)


def heater_row(effort: Effort) -> Row:
    """Temperature, sensor error and set point of a heater, next to the same questions by pyvisa."""
    with emulated_rig("plate") as rig:
        rig.open()
        host, port = address(rig, "plate")
        name = f"TCPIP0::{host}::{port}::SOCKET"
        with closing(pyvisa.ResourceManager("@py").open_resource(name)) as bare:
            bare.read_termination = bare.write_termination = "\n"

            def ask() -> None:
                for what in ("PVALUE", "ERROR", "SPOINT"):
                    bare.query(f":SOURCE:CLOOP1:{what}?")

            times = alternating(ask, lambda: rig.read_heaters(["plate"]), effort)
    return Row("heater: temperature", "pyvisa-py, the same questions", *times, 1.5)


def spectrometer_rows(effort: Effort) -> Iterator[Row]:
    """Exchanges with a spectrometer, next to python-seabreeze on a second connection."""
    with emulated_rig("hdx_pl") as rig, ExitStack() as stack:
        host, port = address(rig, "hdx_pl")
        IPv4Transport.register_model("HDX", ipv4_address=host, ipv4_port=port)
        rig.open()
        hdx = rig.spectrometer("hdx_pl")
        hdx.set_integration_time(INTEGRATION_TIME_US)
        bare = stack.enter_context(closing(SeaBreezeDevice(IPv4TransportHandle(host, port))))
        bare.open()
        workers = stack.enter_context(DeviceThreads(rig.clock))
        times = alternating(
            bare.f.spectrometer.get_intensities, lambda: rig.acquire(["hdx_pl"], 1), few(effort)
        )
        yield Row("spectrometer: a frame of 6 ms", "python-seabreeze", *times, 1.5)
        times = alternating(
            bare.get_serial_number, lambda: workers.call({"hdx_pl": hdx.identify}), effort
        )
        yield Row("spectrometer: serial number", "python-seabreeze", *times, 1.5)


def five_pumps_row(effort: Effort) -> Row:
    """Setting five pumps on slow lines, next to setting one of them."""
    with emulated_rig(baud=SLOW_BAUD) as rig:
        rig.open()
        rig.prepare()
        rates = {name: s.flow_rate_ul_min[0] for name, s in rig.profile.streams.items()}
        one = dict([next(iter(rates.items()))])
        times = alternating(
            lambda: rig.set_flow_rates(one),
            lambda: rig.set_flow_rates(rates),
            evolve(effort, pairs=1),
        )
    return Row("rates of 5 pumps at 9600 baud", "rate of 1 pump", *times, 1.3)


def frames_row(effort: Effort) -> Row:
    """Frames on two spectrometers at once, next to their exposures alone."""
    exposures_s = effort.frames * INTEGRATION_TIME_US * 1e-6
    with emulated_rig(*SPECTROMETERS) as rig:
        rig.open()
        for name in SPECTROMETERS:
            rig.spectrometer(name).set_integration_time(INTEGRATION_TIME_US)
        flowrig_s = [
            seconds(lambda: rig.acquire(SPECTROMETERS, effort.frames)) for _ in range(effort.blocks)
        ]
    reference_s = [exposures_s] * effort.blocks
    return Row(
        "frames of 6 ms on 2 spectrometers",
        "exposures alone",
        reference_s,
        flowrig_s,
        0.95,
        is_rate=True,
    )


def connecting_row(effort: Effort) -> Row:
    """Connecting the whole rig, next to its slowest device alone."""
    slowest_s, rig_s = [], []
    with emulated_rig(baud=USUAL_BAUD) as rig:
        rig.open()  # what is imported and looked up once
        for _ in range(effort.blocks):
            rig.close()
            alone_s = []
            for name in rig.profile.devices:
                alone_s.append(seconds(rig[name].open))
                rig[name].close()
            slowest_s.append(max(alone_s))
            rig_s.append(seconds(rig.open))
    return Row("connecting 8 devices", "the slowest alone", slowest_s, rig_s, 1.2)


def measure(effort: Effort) -> Iterator[Row]:
    """Every row of the table."""
    yield from pump_rows(effort)
    yield slow_pump_row(effort)
    yield heater_row(effort)
    yield from spectrometer_rows(effort)
    for row in (five_pumps_row, frames_row, connecting_row):
        yield row(effort)


def as_dict(row: Row) -> dict[str, object]:
    """A row for a program."""
    return {
        "name": row.name,
        "reference": row.reference,
        "reference_s": statistics.median(row.reference_s),
        "flowrig_s": statistics.median(row.flowrig_s),
        "ratio": row.ratio,
        "quartiles": row.quartiles,
        "goal": row.goal,
        "goal_is": "at least" if row.is_rate else "at most",
        "met": row.is_met,
    }


def as_table(rows: Sequence[Row]) -> Table:
    """The rows for a person."""
    table = Table(box=None)
    for heading in ("", "compared with", "ms", "flowrig, ms", "ratio", "quartiles", "goal", "met"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            row.reference,
            f"{statistics.median(row.reference_s) * 1e3:.3g}",
            f"{statistics.median(row.flowrig_s) * 1e3:.3g}",
            f"{row.ratio:.2f}",
            "{:.2f} to {:.2f}".format(*row.quartiles),
            f"{'≥' if row.is_rate else '≤'} {row.goal:.2f}",
            "yes" if row.is_met else "no",
        )
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=15, help="ratios a row")
    parser.add_argument("--pairs", type=int, default=200, help="exchanges a ratio")
    parser.add_argument("--frames", type=int, default=200, help="frames a ratio")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    rows = list(measure(Effort(options.blocks, options.pairs, options.frames)))
    if options.json:
        print(json.dumps([as_dict(row) for row in rows], indent=2))
    else:
        Console(width=WIDTH).print(as_table(rows))


if __name__ == "__main__":
    main()
