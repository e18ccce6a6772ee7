"""The packages of the wheel: vaiopt, and board/ as vaiopt._board, so that an installed vaiopt can
put the kit's scripts in a bundle.
"""

from setuptools import find_packages, setup

setup(
    packages=find_packages(include=["vaiopt", "vaiopt.*"]) + ["vaiopt._board"],
    package_dir={"vaiopt._board": "board"},
)
