"""The working half of the table of applications, read from the modules that apps/__init__.py names: key -> what runs
it, and key -> what fills the cache for it. SSH is not here: it is the way in and is always there."""

from remote_bootstrap.apps import MODULES

WORK = {module.SPEC.key: module.application for module in MODULES}
PREINSTALL = {module.SPEC.key: module.preinstall for module in MODULES}
