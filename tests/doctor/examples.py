"""A report and its parts, and packages that Python takes for installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from resnet_export.doctor import DoctorReport, Problem, Providers, RuntimeCheck
from resnet_export.machine import Machine
from resnet_export.machine.cgroup import Limits
from resnet_export.machine.clock import Clock
from resnet_export.machine.cpu import Cpu
from resnet_export.machine.distributions import Distribution
from resnet_export.machine.gpu import Gpu, Gpus
from resnet_export.machine.system import System

if TYPE_CHECKING:
    from pathlib import Path

CPU = Cpu(
    "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
    "x86_64",
    4,
    8,
    2,
    {"AVX2": True, "AVX-512": True, "VNNI": True, "BF16": True, "AMX-INT8": False, "AMX-BF16": False},
    True,
    True,
    105 << 20,
    Clock(2700.0, 800.0, 3800.0, "powersave", True),
)
GPUS = Gpus((Gpu("NVIDIA H200", 139 << 30, "9.0", "570.124.06", 345, 1980, 700.0),), "12.8")
SYSTEM = System(
    "Debian GNU/Linux 12 (bookworm)", "Linux 6.1.0-31-cloud-amd64", "glibc 2.36", "docker", "CPython 3.11.7"
)
PACKAGES = {"numpy": "2.4.6", "onnxruntime-gpu": "1.31.1", "torch": "2.9.0+cpu"}
MACHINE = Machine(CPU, 32 << 30, Limits(1.5, 4 << 30), GPUS, SYSTEM, PACKAGES)
CUDA = RuntimeCheck(
    "ort:cuda",
    "unavailable",
    "CUDAExecutionProvider cannot be loaded: libcublasLt.so.13 is not there.",
    'Install it with: pip install "resnet-export[cuda]"',
)
CLASH = Problem(
    "onnxruntime 1.30.0 and onnxruntime-gpu 1.31.1 are installed at once.",
    ("pip uninstall -y onnxruntime onnxruntime-gpu", "pip install onnxruntime-gpu==1.31.1"),
)


def example(**changes: Any) -> DoctorReport:
    """A report of a machine on which something is missing, and nothing is wrong."""
    parts: dict[str, Any] = {
        "version": "0.1.0",
        "machine": MACHINE,
        "onnxruntimes": {"onnxruntime-gpu": "1.31.1"},
        "providers": Providers(("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")),
        "distributions": (
            Distribution("numpy", "2.4.6", "2.4.6"),
            Distribution("onnxruntime-gpu", "1.31.1", "1.31.1"),
            Distribution("torch", "2.9.0+cpu", "2.13.0"),
        ),
        "runtimes": (
            RuntimeCheck("ort:cpu", "usable", "onnxruntime-gpu 1.31.1, CPU"),
            CUDA,
            RuntimeCheck("tract", "missing", "tract is not installed.", "Install it with: pip install tract"),
        ),
        "problems": (),
    }
    return DoctorReport(**parts | changes)


def install(site: Path, name: str, version: str, *files: str, entry_points: str = "") -> None:
    """Puts the metadata of a distribution into a folder; with no record of files where none are given."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if files:
        (folder / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    if entry_points:
        (folder / "entry_points.txt").write_text(f"[resnet_export.runtimes]\n{entry_points}\n")


RUNTIME = """
import os, sys, time

class Mine:
    def __init__(self, work):
        self.work = work
    def probe(self):
        os.write(1, b"noise on stdout\\n")
        os.write(2, b"noise on stderr\\n")
        print("python")
        return self.work()

def fails():
    raise OSError("libmine.so.3: cannot open shared object file")

FINE = Mine(lambda: "mine 3.0, CPU")
CRASHES = Mine(os.abort)
HANGS = Mine(lambda: time.sleep(600))
FAILS = Mine(fails)
LEAVES = Mine(lambda: sys.exit(3))
QUITS = Mine(lambda: os._exit(3))
"""


def install_runtimes(site: Path) -> Path:
    """Installs the runtimes of a third party, which do what they are called: `mine:crashes`."""
    names = ("fine", "crashes", "hangs", "fails", "leaves", "quits")
    (site / "my_runtimes.py").write_text(RUNTIME)
    points = "\n".join(f"mine:{name} = my_runtimes:{name.upper()}" for name in names)
    install(site, "my-runtimes", "1.0", "my_runtimes.py", entry_points=points)
    return site
