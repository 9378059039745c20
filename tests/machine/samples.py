"""What /proc/cpuinfo, the cgroup files and nvidia-smi look like on other machines; flags are cut to a few."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

XEON = """\
processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 143
model name	: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz
stepping	: 8
siblings	: 4
core id		: 0
cpu cores	: 2
flags		: fpu sse4_2 hypervisor fma avx avx2 avx512f avx512dq avx512cd avx512bw avx512vl avx_vnni avx512_bf16 \
avx512_vnni amx_bf16 avx512_fp16 amx_tile amx_int8 flush_l1d
bogomips	: 5399.99
power management:

processor	: 1
vendor_id	: GenuineIntel
model name	: another
flags		: fpu
"""

ZEN_2 = """\
processor	: 0
vendor_id	: AuthenticAMD
cpu family	: 23
model		: 49
model name	: AMD EPYC 7742 64-Core Processor
flags		: fpu vme sse4_2 fma avx avx2 clwb sha_ni rdpid
bugs		: sysret_ss_attrs spectre_v1
"""

GRAVITON_3 = """\
processor	: 0
BogoMIPS	: 2100.00
Features	: fp asimd evtstrm aes pmull sha1 sha2 fphp asimdhp cpuid asimdrdm asimddp sve asimdfhm i8mm bf16
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x1
CPU part	: 0xd40
CPU revision	: 1

processor	: 1
BogoMIPS	: 2100.00
"""

ONE_GPU = "NVIDIA H200, 143771, 9.0, 570.124.06, 345, 1980, 700.00\n"
TWO_GPUS = """\
Tesla T4, 15360, 7.5, 535.183.01, 300, 1590, 70.00
NVIDIA A100-SXM4-40GB MIG 1g.5gb, [N/A], 8.0, 535.183.01, [N/A], [N/A], [Not Supported]
"""
NO_GPU = "No devices were found\n"
NO_DRIVER = """\
NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA driver \
is installed and running.

"""
HEADER = """\
Mon Nov 23 16:00:00 2026
+-----------------------------------------------------------------------------------------+
| NVIDIA-SMI 570.124.06             Driver Version: 570.124.06     CUDA Version: 12.8     |
|-----------------------------------------+------------------------+----------------------+
"""

MOUNTED_1 = """\
24 30 0:22 / /proc rw,nosuid - proc proc rw
31 23 0:28 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
32 31 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,nosuid shared:11 - cgroup cgroup rw,memory
"""
MOUNTED_2 = "35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
MIXED = f"{MOUNTED_1}41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"


def write(root: Path, files: dict[str, str]) -> Path:
    """Puts files below a folder that stands for `/`."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root
