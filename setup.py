"""The packages of the wheel: vaiopt, and board/ as vaiopt._board, so that an installed vaiopt can
put the kit's scripts in a bundle. What docker/ builds the image of goes into vaiopt/_docker, from
where "vaiopt container" writes it out.

Wheel and sdist are the same files, bit by bit, whenever, wherever and by whomever they are built
from the same sources with the same Python and setuptools: once written they are written again with
one date, one owner, one order and plain modes. The date is SOURCE_DATE_EPOCH, which scripts/build
takes from the commit.
"""

import gzip
import io
import os
import shutil
import tarfile
import time
import zipfile

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:  # setuptools before 70.1, as on Python 3.7
    try:
        from wheel.bdist_wheel import bdist_wheel
    except ImportError:  # an sdist is built without it
        bdist_wheel = None

ZIP_EPOCH = 315532800  # 1980-01-01, the earliest date that a wheel can hold
EPOCH = max(int(os.environ.get("SOURCE_DATE_EPOCH") or ZIP_EPOCH), ZIP_EPOCH)
os.environ["SOURCE_DATE_EPOCH"] = str(EPOCH)


def plain_mode(mode):
    return 0o755 if mode & 0o100 else 0o644


def normalise_sdist(path):
    with tarfile.open(path) as old, open(path + ".new", "wb") as raw, gzip.GzipFile(
        filename="", mode="wb", fileobj=raw, mtime=EPOCH
    ) as packed, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            plain = tarfile.TarInfo(member.name)
            plain.mtime = EPOCH
            if member.isdir():
                plain.type, plain.mode = tarfile.DIRTYPE, 0o755
                new.addfile(plain)
            else:  # a link becomes the file that it leads to
                content = old.extractfile(member).read()
                plain.size, plain.mode = len(content), plain_mode(member.mode)
                new.addfile(plain, io.BytesIO(content))
    os.replace(path + ".new", path)


def normalise_wheel(path):
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(path + ".new", "w") as new:
        for entry in old.infolist():
            plain = zipfile.ZipInfo(entry.filename, time.gmtime(EPOCH)[:6])
            plain.compress_type = zipfile.ZIP_DEFLATED
            plain.create_system = 3  # Unix, for the modes
            plain.external_attr = (0o100000 | plain_mode(entry.external_attr >> 16)) << 16
            new.writestr(plain, old.read(entry))
    os.replace(path + ".new", path)


OF_THE_CONTAINER = (
    "docker",
    "scripts/setup-lib",
    "pyproject.toml",
    "setup.py",
    "README.md",
    "LICENSE",
)


class BuildWithContainer(build_py):
    def run(self):
        super().run()
        # An editable one runs from the checkout; the image itself is built without docker/.
        if getattr(self, "editable_mode", False) or not os.path.isfile("docker/run"):
            return
        for name in self.of_the_container():
            path = os.path.join(self.build_lib, "vaiopt", "_docker", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            shutil.copyfile(name, path)

    @staticmethod
    def of_the_container():
        for name in OF_THE_CONTAINER:
            inside = sorted(os.listdir(name)) if os.path.isdir(name) else None
            paths = [name] if inside is None else ["/".join((name, item)) for item in inside]
            yield from (path for path in paths if os.path.isfile(path))


class ReproducibleSdist(sdist):
    def make_distribution(self):
        super().make_distribution()
        for path in self.get_archive_files():
            if path.endswith(".tar.gz"):
                normalise_sdist(path)


commands = {"sdist": ReproducibleSdist, "build_py": BuildWithContainer}

if bdist_wheel is not None:

    class ReproducibleWheel(bdist_wheel):
        def run(self):
            super().run()
            for command, _, path in self.distribution.dist_files:
                if command == "bdist_wheel":
                    normalise_wheel(path)

    commands["bdist_wheel"] = ReproducibleWheel

setup(
    packages=find_packages(include=["vaiopt", "vaiopt.*"]) + ["vaiopt._board"],
    package_dir={"vaiopt._board": "board"},
    cmdclass=commands,
)
