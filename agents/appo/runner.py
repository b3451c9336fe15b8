"""Sample Factory's runner with our learner: it starts the processes, watches them, and leaves none behind."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from sample_factory.algo.learning.batcher import Batcher
from sample_factory.algo.runners.runner import AlgoObserver, Runner
from sample_factory.algo.runners.runner_parallel import ParallelRunner
from sample_factory.algo.runners.runner_serial import SerialRunner
from sample_factory.algo.sampling.sampler import ParallelSampler
from sample_factory.algo.utils.context import global_model_factory, reset_global_context
from sample_factory.algo.utils.env_info import extract_env_info
from sample_factory.algo.utils.misc import ExperimentStatus
from sample_factory.algo.utils.shared_buffers import BufferMgr
from sample_factory.cfg.arguments import preprocess_cfg
from sample_factory.envs.env_utils import register_env
from sample_factory.utils.attr_dict import AttrDict
from sample_factory.utils.gpu_utils import set_global_cuda_envvars
from sample_factory.utils.utils import experiment_dir, init_file_logger, log
from signal_slot.signal_slot import EventLoopStatus, Timer, signal

from agents.appo.games import Games, make_games
from agents.appo.learner import TaughtWorker
from agents.appo.model import make_actor
from agents.appo.settings import ENV
from agents.appo.shared_memory import NOTE, files_named_after, free, note
from agents.appo.surroundings import surroundings
from agents.appo.tether import quiet
from agents.networks.seeded import seeded

LOOK_S = 0.5
"""Between two looks at the processes, and at whether the stage should stop."""
NOTE_EVERY = 20
"""Looks: by then, shared memory is noted even if it was too new to be told as ours when it was first seen."""
LAST_LINES = 80


class TaughtRunner(Runner):
    """What serial and parallel runs have in common. ``on_look`` is called every half second."""

    on_look: Callable[[], None]

    def __init__(self, cfg: AttrDict) -> None:
        super().__init__(cfg)
        self._looks = 0
        self._seen: set[str] = set()
        looking = Timer(self.event_loop, LOOK_S)
        looking.timeout.connect(self._look)
        self.timers.append(looking)

    @signal  # type: ignore[untyped-decorator]
    def snapshot_wanted(self) -> None: ...

    def init(self) -> int:
        """As Sample Factory's, but no process has to ask a game for the sizes of observations and actions."""
        if self.cfg.device == "gpu":
            set_global_cuda_envvars(self.cfg)
        self.env_info = extract_env_info(Games(self.cfg.task, 0), self.cfg)
        if not preprocess_cfg(self.cfg, self.env_info):
            raise RuntimeError("Sample Factory refuses the settings; the reason stands above")
        self.buffer_mgr = BufferMgr(self.cfg, self.env_info)
        self._note()
        self._observers_call(AlgoObserver.on_init, self)
        return ExperimentStatus.SUCCESS

    def _make_learner(self, event_loop: Any, policy_id: int, batcher: Batcher) -> TaughtWorker:
        return TaughtWorker(event_loop, self.cfg, self.env_info, self.buffer_mgr, batcher, policy_id)

    def connect_components(self) -> None:
        super().connect_components()
        self.snapshot_wanted.connect(self.learners[0].snapshot)

    def _look(self) -> None:
        self._note()
        for process in self.others():
            if process.ident is not None and not process.is_alive():
                raise RuntimeError(
                    f"Sample Factory's process {process.name} has ended by itself (exit code {process.exitcode})"
                )
        self.on_look()

    def _note(self) -> None:
        """Should all be killed at once, the next attempt has to know what memory they shared."""
        processes = {os.getpid(), *(process.pid for process in self.others() if process.pid is not None)}
        files = files_named_after(processes)
        if not files <= self._seen or self._looks % NOTE_EVERY == 0:
            note(Path(self.cfg.train_dir), processes)
        self._seen = files
        self._looks += 1

    def run(self) -> int:
        """Until somebody stops the event loop; exceptions of this process come out of it."""
        if self.event_loop.exec() == EventLoopStatus.INTERRUPTED:
            raise KeyboardInterrupt
        return ExperimentStatus.SUCCESS

    def others(self) -> list[Any]:
        """The processes of this run."""
        return [*getattr(self, "processes", ()), *getattr(self.sampler, "processes", ())]

    def close(self) -> None:
        """End all processes at once: whatever they know that is worth keeping has been sent."""
        for process in self.others():
            if process.ident is not None:
                process.kill()
                process.join()
        for writer in self.writers.values():
            writer.close()


class InThisThread(ParallelSampler):
    """Sample Factory starts its players from threads that then end, which is when a tethered child dies."""

    def init(self) -> None:
        for process in self.processes:
            process.start()
        self.started.emit()


class ParallelRun(ParallelRunner, TaughtRunner):
    """A process for the learner, one for the actions, and ``workers`` for the games."""

    def _make_sampler(self, sampler_cls: type, event_loop: Any) -> Any:
        return super()._make_sampler(InThisThread, event_loop)


class SerialRun(SerialRunner, TaughtRunner):
    """All in this process, in lockstep: a batch of the present policy, an update, a batch."""

    def close(self) -> None:
        super().close()
        if self.sampler is not None:
            for worker in self.sampler.rollout_workers:
                for games in worker.env_runners:
                    games.close()


@contextmanager
def running(cfg: AttrDict, observer: AlgoObserver, on_look: Callable[[], None]) -> Iterator[TaughtRunner]:
    """A runner that is ready to run; afterwards its processes are gone, and this process is as it was."""
    with _logged(cfg, Path(experiment_dir(cfg))), surroundings(), _borrowed(cfg.task.seed):
        reset_global_context()
        register_env(ENV, make_games)
        global_model_factory().register_actor_critic_factory(make_actor)
        runner = (SerialRun if cfg.serial_mode else ParallelRun)(cfg)
        runner.on_look = on_look
        runner.register_observer(observer)
        try:
            runner.init()
            yield runner
        finally:
            runner.close()


@contextmanager
def _logged(cfg: AttrDict, folder: Path) -> Iterator[None]:
    """What Sample Factory has to say goes to a file, whose end is shown where a run fails."""
    handlers = list(log.handlers)
    for handler in handlers:
        log.removeHandler(handler)
    init_file_logger(cfg)
    try:
        with warnings.catch_warnings():
            quiet()
            yield
    except Exception:
        said = folder / "sf_log.txt"
        with suppress(OSError):
            print(*said.read_text(encoding="utf-8").splitlines()[-LAST_LINES:], sep="\n")
        raise
    finally:
        for handler in list(log.handlers):
            log.removeHandler(handler)
            handler.close()
        for handler in handlers:
            log.addHandler(handler)


@contextmanager
def _borrowed(seed: int) -> Iterator[None]:
    """A serial run draws from PyTorch's global generator and shares memory by files; that ends with it."""
    strategy = torch.multiprocessing.get_sharing_strategy()
    try:
        with seeded(seed):
            yield
    finally:
        torch.multiprocessing.set_sharing_strategy(strategy)


def emptied(folder: Path) -> Path:
    """A folder of its own for Sample Factory's files, without those of an attempt that was killed, nor its memory.

    Where that attempt is still going down, the note of its memory stays, for the next time.
    """
    folder.mkdir(exist_ok=True)
    free(folder)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != NOTE:
            path.unlink(missing_ok=True)
    return folder
