"""Where the sources and the programs under test are. BUILD_DIR names the build tree; default: build/ beside the sources."""
import os
import pathlib

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR") or TOP / "build").resolve()
