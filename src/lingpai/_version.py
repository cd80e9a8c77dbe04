"""The one place that names the version; hatchling and --version read it."""

__version__ = "0.1.0"
