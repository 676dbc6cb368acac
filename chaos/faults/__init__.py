"""The faults, one file each. A fault of another package is found by its entry point in the group "chaos.faults"."""

from __future__ import annotations

from importlib.metadata import entry_points

from chaos.errors import ConfigurationError
from chaos.faults.bandwidth import Bandwidth
from chaos.faults.base import Applied, Fault, Scene, applied
from chaos.faults.bottleneck import Bottleneck
from chaos.faults.churn import Churn
from chaos.faults.client_killed import ClientKilled
from chaos.faults.client_reset import ClientReset
from chaos.faults.clock_jump import ClockJump, ClockSetBack
from chaos.faults.close_held import CloseHeld
from chaos.faults.close_unanswered import CloseUnanswered
from chaos.faults.composed import Composed
from chaos.faults.connection_burst import ConnectionBurst
from chaos.faults.cpu_quota import CpuQuota
from chaos.faults.crash_mid_frame import CrashMidFrame
from chaos.faults.crash_mid_handshake import CrashMidHandshake
from chaos.faults.crash_mid_message import CrashMidMessage
from chaos.faults.disk_full import DiskFull
from chaos.faults.fd_limit import FdLimit
from chaos.faults.fin_without_close import FinWithoutClose
from chaos.faults.flapping import Flapping
from chaos.faults.flooding_member import FloodingMember
from chaos.faults.full_buffers import FullBuffers
from chaos.faults.half_close import HalfClose
from chaos.faults.half_open import HalfOpen
from chaos.faults.hostile import HostileFrames, HostileHandshakes, HostilePackets
from chaos.faults.injected_reset import InjectedReset
from chaos.faults.jitter import Jitter
from chaos.faults.late_pongs import LatePongs
from chaos.faults.latency import Latency
from chaos.faults.lossy_link import LossyLink
from chaos.faults.memory_limit import MemoryLimit
from chaos.faults.packet_loss import PacketLoss
from chaos.faults.partition import Partition, PartitionToClient, PartitionToServer
from chaos.faults.proxy_down import ProxyDown
from chaos.faults.queue_killed import QueueKilled
from chaos.faults.reconnect_storm import ReconnectStorm
from chaos.faults.reset import Reset
from chaos.faults.server_killed import ServerKilled
from chaos.faults.server_stopped import ServerStopped
from chaos.faults.silent import SilentClient
from chaos.faults.sliced import Sliced
from chaos.faults.slow_close import SlowClose
from chaos.faults.slow_loris import SlowLoris
from chaos.faults.socket_killed import SocketKilled
from chaos.faults.stalled_reader import StalledReader
from chaos.faults.timeout import Timeout
from chaos.faults.tls_stall import TlsStall
from chaos.faults.tls_truncated import TlsTruncated
from chaos.faults.truncated import Truncated
from chaos.faults.upstream_down import UpstreamDown
from chaos.faults.upstream_errors import UpstreamErrors
from chaos.faults.upstream_flapping import UpstreamFlapping
from chaos.faults.upstream_gives_out import UpstreamGivesOut
from chaos.faults.upstream_hangs import UpstreamHangs
from chaos.faults.upstream_slow import UpstreamSlow
from chaos.faults.vanished import Vanished
from chaos.faults.worker_killed import WorkerKilled
from chaos.faults.worker_terminated import WorkerTerminated

__all__ = [
    "FAULTS",
    "Applied",
    "Bandwidth",
    "Bottleneck",
    "Churn",
    "ClientKilled",
    "ClientReset",
    "ClockJump",
    "ClockSetBack",
    "CloseHeld",
    "CloseUnanswered",
    "Composed",
    "ConnectionBurst",
    "CpuQuota",
    "CrashMidFrame",
    "CrashMidHandshake",
    "CrashMidMessage",
    "DiskFull",
    "Fault",
    "FdLimit",
    "FinWithoutClose",
    "Flapping",
    "FloodingMember",
    "FullBuffers",
    "HalfClose",
    "HalfOpen",
    "HostileFrames",
    "HostileHandshakes",
    "HostilePackets",
    "InjectedReset",
    "Jitter",
    "LatePongs",
    "Latency",
    "LossyLink",
    "MemoryLimit",
    "PacketLoss",
    "Partition",
    "PartitionToClient",
    "PartitionToServer",
    "ProxyDown",
    "QueueKilled",
    "ReconnectStorm",
    "Reset",
    "Scene",
    "ServerKilled",
    "ServerStopped",
    "SilentClient",
    "Sliced",
    "SlowClose",
    "SlowLoris",
    "SocketKilled",
    "StalledReader",
    "Timeout",
    "TlsStall",
    "TlsTruncated",
    "Truncated",
    "UpstreamDown",
    "UpstreamErrors",
    "UpstreamFlapping",
    "UpstreamGivesOut",
    "UpstreamHangs",
    "UpstreamSlow",
    "Vanished",
    "WorkerKilled",
    "WorkerTerminated",
    "applied",
    "known_faults",
]

FAULTS: tuple[type[Fault], ...] = tuple(
    found
    for found in globals().values()
    if isinstance(found, type) and issubclass(found, Fault) and found not in (Fault, Composed)
)
"""The faults of this package: all that are imported here, but what is made of them."""


def known_faults() -> dict[str, type[Fault]]:
    """Name to fault, those of other packages included. Raises ConfigurationError for a name that is taken twice."""
    known = {fault.name: fault for fault in FAULTS}
    for entry in entry_points(group="chaos.faults"):
        fault = entry.load()
        if fault.name in known:
            raise ConfigurationError(f"{entry.value} calls its fault {fault.name!r}, which is the name of another one")
        known[fault.name] = fault
    return known
