"""Ansible's linear strategy over Mitogen, which keeps one Python on the host instead of starting one for each task.

An option for hosts where starting Python is slow: ANSIBLE_STRATEGY=mitogen_linear ./invoke provision
"""

from __future__ import annotations

from typing import Any

import ansible_mitogen.loaders
import ansible_mitogen.strategy

Linear: Any = ansible_mitogen.loaders.strategy_loader.get("linear", class_only=True)


class StrategyModule(ansible_mitogen.strategy.StrategyMixin, Linear):  # type: ignore[misc]
    """Found here by name, wherever the packages of the controller lie."""
