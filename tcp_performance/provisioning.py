"""What the tasks plan, provision, verify, revert and report do, step by step."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from invoke import Exit

from tcp_performance import plan_view, playbooks
from tcp_performance.playbooks import BUILD, ROOT

PLANS = BUILD / "plan"
VERDICTS = BUILD / "verdicts"
REPORT = BUILD / "report"
PROFILES = tuple(sorted(path.stem for path in (ROOT / "ansible/profiles").glob("*.yml")))


def step(text: str) -> None:
    print(f"\n== {text}", flush=True)


def intent_variables() -> set[str]:
    """Every variable the plan understands, from the plan itself."""
    sys.path.insert(0, str(ROOT / "ansible/plugins/module_utils"))
    from host_plan import INTENT

    return set(INTENT)


def extra_variables(profile: str | None, settings: list[str]) -> dict[str, Any]:
    """--profile and --set as Ansible's extra variables; a wrong one ends with exit 2."""
    if profile and profile not in PROFILES:
        raise Exit(f"--profile {profile!r}: allowed are {', '.join(PROFILES)}", code=2)
    extra: dict[str, Any] = {"tcp_performance_profile": profile} if profile else {}
    known = intent_variables()
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or key not in known:
            raise Exit(f"--set {setting!r}: KEY=VALUE, with KEY one of {', '.join(sorted(known))}", code=2)
        extra[key] = value
    return extra


def fetch_plans(
    extra: dict[str, Any], inventory: str | None, limit: str | None, sysroot: str | None
) -> dict[str, dict[str, Any]]:
    """The plan of every host, read only; by host name."""
    if sysroot and not (Path(sysroot) / "sys").is_dir():
        raise Exit(f"--sysroot {sysroot!r}: a folder with the captured sys/ and proc/ is needed", code=2)
    PLANS.mkdir(parents=True, exist_ok=True)
    for stale in PLANS.glob("*.json"):
        stale.unlink()
    extra = dict(extra, plan_output=str(PLANS))
    if sysroot:
        extra["plan_sysroot"] = str(Path(sysroot).resolve())
    outcome = playbooks.run("plan", inventory, limit, extra, quiet=True)
    if outcome.status:
        raise Exit("the plan could not be made; Ansible's output stands above", code=2)
    plans = {path.stem: json.loads(path.read_text()) for path in sorted(PLANS.glob("*.json"))}
    if not plans:
        raise Exit(f"no host matches --inventory {inventory or 'local'} --limit {limit or 'all'}", code=2)
    return plans


def show_plans(plans: dict[str, dict[str, Any]], as_json: bool) -> int:
    if as_json and len(plans) > 1:
        print(json.dumps(plans, indent=2, sort_keys=True))
        return max(plan_view.exit_code(plan) for plan in plans.values())
    for plan in plans.values():
        plan_view.show(plan, as_json)
    return max(plan_view.exit_code(plan) for plan in plans.values())


def plan(
    sysroot: str | None,
    profile: str | None,
    settings: list[str],
    as_json: bool,
    inventory: str | None,
    limit: str | None,
) -> int:
    plans = fetch_plans(extra_variables(profile, settings), inventory, limit, sysroot)
    return show_plans(plans, as_json)


def provision(
    profile: str | None, settings: list[str], inventory: str | None, limit: str | None, check: bool
) -> int:
    extra = extra_variables(profile, settings)
    step("plan: what this will make of the host (nothing is touched yet)")
    code = show_plans(fetch_plans(extra, inventory, limit, None), as_json=False)
    if code:
        return code
    step("check: what would change (nothing is touched)" if check else "apply: one role, one capability")
    outcome = playbooks.run("site", inventory, limit, extra, check=check)
    if outcome.status:
        return 1
    if check:
        print(f"\nNothing was changed. A run would change {outcome.changed} things, shown above.")
        return 0
    step("verify: the effective state, setting by setting")
    verified = verify(inventory, limit)
    if verified == 2:
        return 2
    if playbooks.inventory_path(inventory) == playbooks.LOCAL:
        step("measure: the kernels against targets, floors and NumPy")
        from tcp_performance import bench

        # A missed target is shown, here and in the report; it is no fault of the provisioning.
        if bench.run(json_output=False) == 2:
            return 2
    step("report")
    reported = report()
    if outcome.changed:
        print(
            f"\nProvisioning changed {outcome.changed} things. ./invoke revert brings the former state back."
        )
    else:
        print("\nProvisioning changed nothing: the host already was as planned.")
    return max(verified, reported)


def verify(inventory: str | None, limit: str | None) -> int:
    from tcp_performance import verify as verifier

    return verifier.run(playbooks.inventory_path(inventory), limit, VERDICTS)


def revert(inventory: str | None, limit: str | None, check: bool) -> int:
    outcome = playbooks.run("revert", inventory, limit, check=check)
    return 1 if outcome.status else 0


def report() -> int:
    from tcp_performance.report import collect

    return collect.run(BUILD)
