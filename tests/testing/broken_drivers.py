"""Drivers and emulators that are wrong in one way each, made from those of `plugin new`."""

import math
from contextlib import nullcontext

import numpy as np
from attrs import evolve

from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    OutOfRangeError,
    UnknownOutcomeError,
)
from flowrig.interfaces import (
    HeaterReading,
    Identity,
    PumpReadBack,
    PumpState,
    PumpStatus,
    SpectrometerReadBack,
)
from flowrig.testing import (
    HeaterBench,
    HeaterConformance,
    PumpBench,
    PumpConformance,
    SpectrometerBench,
    SpectrometerConformance,
)
from flowrig.testing.templates.flowrig_template import (
    heater_emulator,
    pump_emulator,
    spectrometer_emulator,
)
from flowrig.testing.templates.flowrig_template.heater import TemplateHeater
from flowrig.testing.templates.flowrig_template.line import Line, LineError
from flowrig.testing.templates.flowrig_template.line_emulator import LineProtocol
from flowrig.testing.templates.flowrig_template.pump import TemplatePump
from flowrig.testing.templates.flowrig_template.settings import TemplateSettings
from flowrig.testing.templates.flowrig_template.spectrometer import (
    LIMITS,
    TemplateSpectrometer,
)

SETTINGS = TemplateSettings(address="", deadline_s=0.3)


class SendsInItsConstructor(TemplatePump):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._do_open()
        self._do_identify()
        self._do_close()


class CountsInItsIdentity(TemplatePump):
    asked = 0

    def _do_identify(self):
        self.asked += 1
        return evolve(super()._do_identify(), serial_number=f"{self.asked}")


class HasNoSerialNumber(TemplatePump):
    def _do_identify(self):
        return evolve(super()._do_identify(), serial_number=None)


class ReportsNoVolume(TemplatePump):
    def _do_read_dispensed_ul(self):
        return math.nan


class ReadsTexts(TemplateHeater):
    def _do_read(self):
        reading = super()._do_read()
        return evolve(reading, temperature_c=str(reading.temperature_c))


class FallingWavelengths(TemplateSpectrometer):
    def _do_wavelengths_nm(self):
        return super()._do_wavelengths_nm()[::-1]


class RunsWhenOpened(TemplatePump):
    def _do_open(self):
        super()._do_open()
        self._command("RATE 10.000")
        self._command("START")


class AnswersFromMemory(TemplatePump):
    """Answers without a query, closed and open."""

    def status(self):
        return PumpStatus(time_s=0.0, state=PumpState.STOPPED)


class Clamps(TemplatePump):
    def set_rate(self, rate_ul_min):
        limits = self.limits
        self._do_set_rate(min(max(rate_ul_min, limits.rate_min_ul_min), limits.rate_max_ul_min))


class QueriesBeforeItRefuses(TemplatePump):
    def set_rate(self, rate_ul_min):
        self._do_read_state()
        super().set_rate(rate_ul_min)


class KeepsItsPort(TemplatePump):
    leaked = None

    def _do_close(self):
        self.leaked = self._line or self.leaked
        self._line = None


class CachesItsState(TemplatePump):
    state = None

    def _do_read_state(self):
        if self.state is not PumpState.RUNNING:
            self.state = super()._do_read_state()
        return self.state


class StampsTheOpening(TemplatePump):
    def status(self):
        return evolve(super().status(), time_s=0.0)


class TakesSilenceForStopped(TemplatePump):
    def _do_read_state(self):
        try:
            return super()._do_read_state()
        except ConnectionLostError:
            return PumpState.STOPPED


class WaitsForEver(TemplatePump):
    def _query(self, question):
        while True:
            try:
                return super()._query(question)
            except DeviceError:
                if not self.is_open:
                    raise


class OpensBlindly(TemplatePump):
    def _do_identify(self):
        return Identity("Template", "TEMPLATE-1")


class ReportsUnknownAsLost(TemplatePump):
    def _command(self, command):
        return self._query(command)


class TriesAgain(TemplatePump):
    def _do_start(self):
        try:
            super()._do_start()
        except UnknownOutcomeError:
            self._open_line().send("STOP")
            self._open_line().send("START")
            raise


class KeepsALostLine(TemplatePump):
    def _do_open(self):
        if self._line is None:
            super()._do_open()

    def _do_close(self):
        pass


class NeverSynchronizes(Line):
    def _synchronize(self):
        pass


class TakesLateAnswers(TemplatePump):
    def _do_open(self):
        settings = self.settings
        self._line = NeverSynchronizes(
            settings.address, settings.baud, settings.deadline_s, self.wire
        )


class TakesGarbledForStopped(TemplatePump):
    def _do_read_state(self):
        try:
            return super()._do_read_state()
        except DeviceError as error:
            if not error.reply:
                raise
            return PumpState.STOPPED


class HasNoLock(TemplatePump):
    def _do_open(self):
        super()._do_open()
        self._line._lock = nullcontext()


class LogsOnlySentBytes(TemplatePump):
    def _do_open(self):
        self.wire.received = lambda data: None
        super()._do_open()


class LogsTwice(TemplatePump):
    def _query(self, question):
        self.wire.sent(f"{question}\n".encode())
        return super()._query(question)


class LetsErrorsOut(TemplatePump):
    def _query(self, question):
        try:
            return self._open_line().ask(question)
        except LineError as error:
            if "port was lost" in str(error):
                raise OSError(str(error)) from error
            raise self._fault(ConnectionLostError, str(error)) from error


class ReadsLeniently(TemplatePump):
    def _do_read_state(self):
        return PumpState.RUNNING if self._query("STATE?") == "running" else PumpState.STOPPED


class WholeLines(LineProtocol):
    def feed(self, data):
        return self._answer(data.decode("ascii", "replace"))


class WholeLinesEmulator(pump_emulator.TemplateEmulator):
    def __init__(self, context):
        super().__init__(evolve(context, tap=lambda core: context.tap(WholeLines(core._commands))))


class UntappedEmulator(pump_emulator.TemplateEmulator):
    def __init__(self, context):
        super().__init__(evolve(context, tap=lambda core: core))


class StopsWhenClosed(TemplatePump):
    def _do_close(self):
        if self._line is not None and self.is_open is False:
            self._line.send("STOP")
        super()._do_close()


class IsTwoPercentOff(TemplatePump):
    def _do_set_rate(self, rate_ul_min):
        super()._do_set_rate(0.98 * rate_ul_min)


class KeepsARunningRate(TemplatePump):
    def _do_set_rate(self, rate_ul_min):
        if self._do_read_state() is not PumpState.RUNNING:
            super()._do_set_rate(rate_ul_min)


class StopsOnlyWhatRuns(TemplatePump):
    def _do_stop(self):
        if self._do_read_state() is not PumpState.RUNNING:
            raise self._fault(NotReadyError, "it does not run")
        super()._do_stop()


class StopsOnlyWhatMoves(TemplatePump):
    def _do_stop(self):
        if self._do_read_state() is PumpState.STALLED:
            raise self._fault(NotReadyError, "it is stalled")
        super()._do_stop()


class AlwaysReportsStopped(TemplatePump):
    def status(self):
        return evolve(super().status(), state=PumpState.STOPPED)


class DoesNotConfirmItsStart(TemplatePump):
    def _do_start(self):
        self._command("START")


class GivesUpAfterAnError(TemplatePump):
    failed = False

    def _query(self, question):
        if self.failed:
            raise self._fault(NotReadyError, "open it again")
        try:
            return super()._query(question)
        except DeviceError:
            self.failed = True
            raise


class QueriesBeforeItStops(TemplatePump):
    def _do_stop(self):
        if self._do_read_state() is not PumpState.STOPPED:
            super()._do_stop()


class StopsWithoutASend(TemplatePump):
    """Opens the port for the safe action, and sends nothing."""

    def _send_stop(self, failure):
        if self.is_open:
            super()._send_stop(failure)


class CountsMillilitres(TemplatePump):
    def _do_read_dispensed_ul(self):
        return super()._do_read_dispensed_ul() / 1000.0


class ReadsBackMillilitres(TemplatePump):
    def _do_set_rate(self, rate_ul_min):
        super()._do_set_rate(rate_ul_min)
        self.told_ul_min = rate_ul_min

    def _do_read_back(self):
        return PumpReadBack(time_s=0.0, rate_ul_min=self.told_ul_min / 1000.0)


class ReadsBackItsMemory(ReadsBackMillilitres):
    def _do_read_back(self):
        return PumpReadBack(time_s=0.0, rate_ul_min=self.told_ul_min)


class CoolsWhenOpened(TemplateHeater):
    def _do_open(self):
        super()._do_open()
        self._command("OFF")


class SpeaksFahrenheit(TemplateHeater):
    def _do_set_temperature(self, temperature_c):
        super()._do_set_temperature(min(temperature_c * 1.8 + 32.0, 300.0))


class KeepsWarm(TemplateHeater):
    def _do_off(self):
        self._do_set_temperature(60.0)


class HeaterGivesUpAfterAnError(TemplateHeater):
    failed = False

    def _query(self, question):
        try:
            return super()._query(question)
        except DeviceError:
            self.failed = True
            raise

    def _do_off(self):
        if self.failed:
            raise self._fault(NotReadyError, "open it again")
        super()._do_off()


class QueriesBeforeItIsOff(TemplateHeater):
    def _do_off(self):
        self._do_read()
        super()._do_off()


class TakesOffForGranted(TemplateHeater):
    def _do_off(self):
        self._open_line().send("OFF")


class TakesAnOpenSensorForGood(TemplateHeater):
    def _do_read(self):
        reading = super()._do_read()
        return HeaterReading(
            time_s=reading.time_s,
            temperature_c=reading.temperature_c,
            set_point_c=reading.set_point_c,
        )


class ClampsTheSetPoint(TemplateHeater):
    def set_temperature(self, temperature_c):
        try:
            super().set_temperature(temperature_c)
        except OutOfRangeError:
            if not math.isfinite(temperature_c):
                raise


class RemembersItsSetPoint(TemplateHeater):
    wanted_c = 20.0

    def _do_set_temperature(self, temperature_c):
        self.wanted_c = temperature_c
        super()._do_set_temperature(temperature_c)

    def _do_read(self):
        return HeaterReading(
            time_s=self.clock.now_s(), temperature_c=self.wanted_c, set_point_c=self.wanted_c
        )


class HeaterReportsUnknownAsLost(TemplateHeater):
    def _command(self, command):
        return self._query(command)


class ReversesWavelengths(TemplateSpectrometer):
    def _do_wavelengths_nm(self):
        return super()._do_wavelengths_nm()[::-1]


class ExposesOneMillisecondMore(TemplateSpectrometer):
    def _do_set_integration_time(self, integration_time_us):
        super()._do_set_integration_time(min(integration_time_us + 1000, 5_000_000))

    def _do_integration_time_us(self):
        return self._integration_time_us - 1000


class GivesFloats(TemplateSpectrometer):
    def _do_acquire_frame(self):
        return super()._do_acquire_frame().astype(np.float32)


class ReadsBackMilliseconds(TemplateSpectrometer):
    def _do_read_back(self):
        us = self._do_integration_time_us()
        return SpectrometerReadBack(time_s=0.0, integration_time_us=us // 1000)


class SpectrometerReadsBackItsMemory(TemplateSpectrometer):
    def _do_set_integration_time(self, integration_time_us):
        super()._do_set_integration_time(integration_time_us)
        self.told_us = integration_time_us

    def _do_read_back(self):
        return SpectrometerReadBack(time_s=0.0, integration_time_us=self.told_us)


class IsNeverSaturated(TemplateSpectrometer):
    def _do_limits(self):
        return evolve(LIMITS, saturation_counts=70_000)


class PromisesALight(TemplateSpectrometer):
    def _do_set_light(self, on):
        pass


class RepeatsItsFrame(TemplateSpectrometer):
    frame = None

    def _do_acquire_frame(self):
        if self.frame is None:
            self.frame = super()._do_acquire_frame()
        return self.frame


class SpectrometerReportsUnknownAsLost(TemplateSpectrometer):
    def _command(self, command):
        return self._query(command)


class QueriesBeforeItShuts(TemplateSpectrometer):
    def _send_dark(self, failure):
        pass


class AcceptsAnyTime(TemplateSpectrometer):
    def set_integration_time(self, integration_time_us):
        self._do_set_integration_time(integration_time_us)


class PushesWhatItShouldDraw(TemplatePump):
    def _do_start_program(self, steps):
        (step,) = steps
        self._do_set_rate(step.rate_ul_min)
        self._do_start()


class RefusesToDraw(TemplatePump):
    """A driver whose offer says that it withdraws."""


def drawing(driver):
    emulator = pump_emulator.TemplateEmulator
    return (
        PumpConformance,
        lambda: PumpBench(driver, emulator, SETTINGS, withdraws=True, patience_s=1.0),
        driver.__name__,
    )


def pump(driver=TemplatePump, emulator=pump_emulator.TemplateEmulator):
    broken = emulator if driver is TemplatePump else driver
    return (
        PumpConformance,
        lambda: PumpBench(driver, emulator, SETTINGS, patience_s=1.0),
        broken.__name__,
    )


def heater(driver):
    emulator = heater_emulator.TemplateEmulator
    return (
        HeaterConformance,
        lambda: HeaterBench(driver, emulator, SETTINGS, patience_s=1.0),
        driver.__name__,
    )


def spectrometer(driver):
    emulator = spectrometer_emulator.TemplateEmulator
    return (
        SpectrometerConformance,
        lambda: SpectrometerBench(driver, emulator, SETTINGS, patience_s=1.0),
        driver.__name__,
    )


BROKEN = [
    ("test_nothing_is_sent_before_open", *pump(SendsInItsConstructor)),
    ("test_the_identity_is_stable", *pump(CountsInItsIdentity)),
    ("test_the_identity_is_stable", *pump(emulator=UntappedEmulator)),
    ("test_what_it_returns_is_what_it_promises", *pump(HasNoSerialNumber)),
    ("test_what_it_returns_is_what_it_promises", *pump(ReportsNoVolume)),
    ("test_what_it_returns_is_what_it_promises", *heater(ReadsTexts)),
    ("test_what_it_returns_is_what_it_promises", *spectrometer(FallingWavelengths)),
    ("test_opening_moves_nothing", *pump(RunsWhenOpened)),
    ("test_a_closed_driver_raises_not_ready", *pump(AnswersFromMemory)),
    ("test_out_of_range_is_refused_before_sending", *pump(Clamps)),
    ("test_out_of_range_is_refused_before_sending", *pump(QueriesBeforeItRefuses)),
    ("test_out_of_range_is_refused_before_sending", *heater(ClampsTheSetPoint)),
    ("test_out_of_range_is_refused_before_sending", *spectrometer(AcceptsAnyTime)),
    ("test_closing_releases_the_port", *pump(KeepsItsPort)),
    ("test_answers_are_fresh_and_dated", *pump(CachesItsState)),
    ("test_answers_are_fresh_and_dated", *pump(StampsTheOpening)),
    ("test_answers_are_fresh_and_dated", *heater(RemembersItsSetPoint)),
    ("test_answers_are_fresh_and_dated", *spectrometer(RepeatsItsFrame)),
    ("test_silence_is_reported_in_time", *pump(TakesSilenceForStopped)),
    ("test_silence_is_reported_in_time", *pump(WaitsForEver)),
    ("test_opening_a_mute_instrument_fails", *pump(OpensBlindly)),
    ("test_silence_after_a_command_is_an_unknown_outcome", *pump(ReportsUnknownAsLost)),
    ("test_silence_after_a_command_is_an_unknown_outcome", *pump(TriesAgain)),
    ("test_silence_after_a_command_is_an_unknown_outcome", *heater(HeaterReportsUnknownAsLost)),
    (
        "test_silence_after_a_command_is_an_unknown_outcome",
        *spectrometer(SpectrometerReportsUnknownAsLost),
    ),
    ("test_it_works_again_after_a_hang_up", *pump(KeepsALostLine)),
    ("test_a_late_answer_is_never_returned", *pump(TakesLateAnswers)),
    ("test_garbled_bytes_are_never_returned", *pump(TakesGarbledForStopped)),
    ("test_the_safe_action_waits_for_no_answer", *pump(QueriesBeforeItStops)),
    ("test_the_safe_action_waits_for_no_answer", *heater(QueriesBeforeItIsOff)),
    ("test_the_safe_action_waits_for_no_answer", *heater(TakesOffForGranted)),
    ("test_the_safe_action_waits_for_no_answer", *spectrometer(QueriesBeforeItShuts)),
    ("test_the_safe_action_needs_no_open_device", *pump(StopsWithoutASend)),
    ("test_two_threads_get_their_own_answers", *pump(HasNoLock)),
    ("test_every_byte_is_logged", *pump(LogsOnlySentBytes)),
    ("test_every_byte_is_logged", *pump(LogsTwice)),
    ("test_a_cut_at_any_byte", *pump(LetsErrorsOut)),
    ("test_a_cut_at_any_byte", *pump(ReportsUnknownAsLost)),
    ("test_a_wrong_byte_anywhere", *pump(ReadsLeniently)),
    ("test_the_emulator_takes_bytes_in_any_pieces", *pump(emulator=WholeLinesEmulator)),
    ("test_opening_leaves_a_running_pump_running", *pump(StopsWhenClosed)),
    ("test_the_rate_reaches_the_plunger", *pump(IsTwoPercentOff)),
    ("test_a_running_pump_takes_another_rate", *pump(KeepsARunningRate)),
    ("test_stop_is_harmless_at_rest", *pump(StopsOnlyWhatRuns)),
    ("test_stop_works_in_every_state", *pump(StopsOnlyWhatMoves)),
    ("test_a_small_volume_is_delivered", *pump(CountsMillilitres)),
    ("test_a_small_volume_is_delivered", *pump(AlwaysReportsStopped)),
    ("test_a_stall_is_reported", *pump(DoesNotConfirmItsStart)),
    ("test_it_draws_what_it_was_told", *pump(PushesWhatItShouldDraw)),
    ("test_it_draws_what_it_was_told", *drawing(RefusesToDraw)),
    ("test_stop_works_after_an_error", *pump(GivesUpAfterAnError)),
    ("test_stop_is_sent_to_a_silent_pump", *pump(QueriesBeforeItStops)),
    ("test_the_dispensed_volume_is_true", *pump(CountsMillilitres)),
    ("test_a_read_back_comes_from_the_instrument", *pump(ReadsBackMillilitres)),
    ("test_a_read_back_comes_from_the_instrument", *pump(ReadsBackItsMemory)),
    ("test_a_read_back_comes_from_the_instrument", *spectrometer(ReadsBackMilliseconds)),
    ("test_a_read_back_comes_from_the_instrument", *spectrometer(SpectrometerReadsBackItsMemory)),
    ("test_opening_leaves_a_hot_heater_hot", *heater(CoolsWhenOpened)),
    ("test_the_set_point_reaches_the_plate", *heater(SpeaksFahrenheit)),
    ("test_off_works_in_every_state", *heater(KeepsWarm)),
    ("test_off_works_after_an_error", *heater(HeaterGivesUpAfterAnError)),
    ("test_an_open_sensor_is_never_a_good_reading", *heater(TakesAnOpenSensorForGood)),
    ("test_wavelengths_are_those_of_the_detector", *spectrometer(ReversesWavelengths)),
    ("test_the_integration_time_reaches_the_detector", *spectrometer(ExposesOneMillisecondMore)),
    ("test_frames_come_as_one_array", *spectrometer(GivesFloats)),
    ("test_saturation_is_marked", *spectrometer(IsNeverSaturated)),
    ("test_the_light_is_switched_or_unsupported", *spectrometer(PromisesALight)),
]
"""A check, its suite, a bench on which it must fail, and what is broken there."""
