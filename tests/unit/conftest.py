"""What the unit tests share: the modules' code is imported from where Ansible finds it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "ansible/plugins/module_utils"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

# No deadline: the machines that run this differ in speed, and a test says nothing about speed.
settings.register_profile("brief", max_examples=5, deadline=None)
settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile("long", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
